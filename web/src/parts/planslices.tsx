import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { postForFile } from '../api.ts'
import { sentence } from '../pure/format.ts'
import type { Plan, Scene, SceneLesion } from '../types.ts'
import type { LabelMap } from '../view/labels.ts'
import type { Marks } from '../view/paint.ts'
import type { Tried } from './limits.tsx'
import { anatomy, largest, liverBox, measuredAt, planLayer, useLabels, useViews } from './slicing.ts'
import { Legend, Trouble } from './ui.tsx'

const SEGMENTS_AND_ORGANS = new Set(['segment', 'organ'])

/** A plan that was tried out, tinted on the slices; its surfaces are not made. */
export function PlanSlices(props: { id: string; scene: Scene; tried: Tried; plan: Plan; n: number }): JSX.Element {
  const { id, scene, tried, plan, n } = props
  const base = `/api/cases/${id}/v/${tried.ask.version}`
  const level = scene.levels.find((one) => one.name === 'fine')?.name ?? scene.levels[0]?.name ?? null
  const gl = useRef<HTMLCanvasElement>(null)
  const above = useRef<HTMLCanvasElement>(null)
  const [views, noPicture] = useViews(gl, above)
  const [open, setOpen] = useState(false)
  const [chosen, setChosen] = useState<string | null>(null)
  const labels = useLabels(open && level ? `${base}/labels/${level}.nii.gz` : null)
  const [map, error] = useTriedMap(id, tried, n, open ? level : null)
  const parts = plan.parts ?? []
  useEffect(() => {
    if (!views || !level) return
    let gone = false
    const window_ = scene.windows[0] ?? { level: 60, width: 400 }
    views.slices.layout('row')
    views.slices.load({ volume: `${base}/volume/${level}.nii.gz`, level: window_.level, width: window_.width }).then(
      () => {
        if (gone) return
        views.slices.frame(liverBox(scene))
        setOpen(true)
      },
      () => undefined,
    )
    return () => {
      gone = true
    }
  }, [views, base, level])
  const go = (lesion: SceneLesion): void => {
    setChosen(lesion.id)
    views?.slices.go(measuredAt(lesion))
  }
  useEffect(() => {
    const main = largest(scene.lesions)
    if (open && main) go(main)
  }, [open])
  const marks = useMemo<Marks>(() => {
    const hidden = new Set(scene.structures.filter((one) => SEGMENTS_AND_ORGANS.has(one.kind)).map((one) => one.key))
    const layers = [...(map ? [planLayer(map, parts)] : []), ...(labels ? anatomy(labels, scene, hidden, { outlines: true, fill: false }) : [])]
    return { layers, lesions: scene.lesions, chosen, measures: true, strokes: [], radius_mm: 0, lines: [] }
  }, [labels, map, scene, chosen, parts])
  useEffect(() => {
    views?.painter.reset(marks)
    views?.slices.repaint()
  }, [views, marks])
  return (
    <figure class="plan-slices" aria-busy={!map}>
      <div class="slices">
        <div class="canvas-box">
          <canvas ref={gl} role="img" aria-label={`Plan ${n} on the slices: the patient’s right is on the left`} data-plan={map ? String(n) : ''} />
          <canvas ref={above} class="above" aria-hidden="true" />
        </div>
        {!map && !error && !noPicture && (
          <p class="loading" role="status">
            Drawing plan {n} …
          </p>
        )}
        {noPicture && (
          <p class="loading" role="alert">
            No picture: {noPicture}
          </p>
        )}
      </div>
      <figcaption>
        <b>Plan {n}, tried out.</b> {sentence(plan.name)}. <Legend parts={parts} />
        <div class="choice" role="group" aria-label="Go to a lesion">
          {scene.lesions.map((lesion) => (
            <button key={lesion.id} type="button" aria-pressed={lesion.id === chosen} onClick={() => go(lesion)}>
              {lesion.id}
              {plan.letters?.[lesion.id] ? ` ${plan.letters[lesion.id]}` : ''}
            </button>
          ))}
        </div>
      </figcaption>
      <Trouble error={error} />
    </figure>
  )
}

/** The label map of one plan of an answer: null until it is there. */
function useTriedMap(id: string, tried: Tried, n: number, level: string | null): [LabelMap | null, unknown] {
  const key = JSON.stringify([tried.ask, n, level])
  const [found, setFound] = useState<{ key: string; map: LabelMap | null; error: unknown }>({ key: '', map: null, error: null })
  useEffect(() => {
    if (!level) return
    const stop = new AbortController()
    const read = async (): Promise<LabelMap> => {
      const { LabelMap } = await import('../view/labels.ts')
      return LabelMap.read(await postForFile(`/cases/${id}/replan/labels/${level}`, { ...tried.ask, n }, stop.signal))
    }
    read().then(
      (map) => !stop.signal.aborted && setFound({ key, map, error: null }),
      (error: unknown) => !stop.signal.aborted && setFound({ key, map: null, error }),
    )
    return () => stop.abort()
  }, [id, key])
  return found.key === key ? [found.map, found.error] : [null, null]
}
