import type { CanvasHTMLAttributes, ComponentChildren, JSX } from 'preact'
import { forwardRef } from 'preact/compat'
import { useEffect, useImperativeHandle, useMemo, useRef, useState } from 'preact/hooks'
import { coordinates } from '../pure/tiles.ts'
import type { Needle, Point, Scene } from '../types.ts'
import type { Layer, Marks } from '../view/paint.ts'
import type { Part } from '../view/solid.ts'
import { anatomy, largest, liverBox, measuredAt, planLayer, useLabels, useViews, type Views } from './slicing.ts'
import { SolidView } from './solidview.tsx'
import type { Shown } from './toolbar.tsx'
import { Legend } from './ui.tsx'

export type Tool = 'look' | 'ruler' | 'add' | 'regrow' | 'paint' | 'erase'
export interface ImageHandle {
  go: (lps: Point) => void
  step: (left: number, front: number, head: number) => void
}
interface Props {
  base: string
  scene: Scene
  shown: Shown
  hidden: ReadonlySet<string>
  chosen: string | null
  needles: readonly Needle[]
  tool: Tool
  size_mm: number
  onClick: (lps: Point) => void
  onStroke: (centres: Point[]) => void
  children?: ComponentChildren
}
type Line = Marks['lines'][number]

const SMOOTH = 1
const PAUSE_MS = 60

/** The slices with all that is drawn on them, and the surfaces beside them. */
export const ImageArea = forwardRef<ImageHandle, Props>(function ImageArea(props, ref): JSX.Element {
  const { base, scene, shown, hidden, chosen, needles, tool, size_mm } = props
  const gl = useRef<HTMLCanvasElement>(null)
  const above = useRef<HTMLCanvasElement>(null)
  const [views, error] = useViews(gl, above)
  const [at, setAt] = useState<Point | null>(null)
  const [drawn, setDrawn] = useState<{ strokes: Point[]; ruler: Line | null }>({ strokes: [], ruler: null })
  useWarm(base, scene)
  const level = useLevel(views, base, scene, shown)
  const labels = useLabels(level ? `${base}/labels/${level}.nii.gz` : null)
  const plan = useLabels(level && shown.plan ? `${base}/labels/${level}/plan-${shown.plan}.nii.gz` : null)

  useImperativeHandle(ref, () => ({ go: (lps) => views?.slices.go(lps), step: (...by) => views?.slices.step(...by) }), [views])
  useEffect(() => {
    if (views) views.slices.moved = setAt
  }, [views])
  useEffect(() => views?.slices.layout(shown.pane === 'solid' ? 'all' : shown.pane), [views, shown.pane])
  const fates = scene.plans.find((one) => one.n === shown.plan)?.parts ?? []
  const marks = useMemo<Marks>(() => {
    const layers: Layer[] = []
    if (plan) layers.push(planLayer(plan, fates))
    if (labels && (shown.outlines || shown.fill)) layers.push(...anatomy(labels, scene, hidden, shown))
    const lines: Line[] = needles.map((needle) => ({ ends: [needle.entry_lps, needle.tip_lps], colour: '#9be7ff', text: needle.lesion }))
    if (drawn.ruler) lines.push(drawn.ruler)
    return { layers, lesions: scene.lesions, chosen, measures: shown.measures, strokes: drawn.strokes, radius_mm: size_mm / 2, lines }
  }, [labels, plan, scene, hidden, shown.outlines, shown.fill, shown.measures, chosen, needles, drawn, size_mm])
  useEffect(() => {
    views?.painter.reset(marks)
    views?.slices.repaint()
  }, [views, marks])
  const parts = useMemo<Part[]>(() => {
    const list = scene.structures.filter((one) => one.mesh && !hidden.has(one.key))
    const clear = (kind: string): number => (kind === 'liver' ? 0.38 : kind === 'segment' || kind === 'organ' ? 0.5 : SMOOTH)
    return [...list].sort((a, b) => clear(b.kind) - clear(a.kind)).map((one) => ({ key: one.key, url: `${base}/mesh/${one.key}.mz3`, colour: one.colour, opacity: clear(one.kind) }))
  }, [scene, hidden, base])

  const pane = shown.pane
  return (
    <div class={`image pane-${pane}`}>
      <div class="slices">
        <div class="canvas-box">
          <canvas ref={gl} role="img" aria-label="Slices of the scan: the patient’s right is on the left" data-level={level ?? ''} data-labels={labels ? 'yes' : ''} />
          <canvas ref={above} class={tool === 'look' ? 'above' : 'above armed'} aria-hidden="true" {...pointer(views, props, drawn, setDrawn)} />
        </div>
        {props.children}
        {!level && !error && <p class="loading" role="status">Opening the scan …</p>}
        {error && <p class="loading" role="alert">No picture: {error}</p>}
      </div>
      {(pane === 'all' || pane === 'solid') && (level !== null || error) && <SolidView parts={parts} label="Liver" />}
      <p class="where">
        <span>{at ? coordinates(at) : ' '}</span>
        {shown.plan > 0 && <Legend parts={fates} />}
        <span class="stamp">{level === 'preview' ? 'whole scan, coarse' : level === 'fine' ? 'liver, fine' : ''}</span>
      </p>
    </div>
  )
})

/** Let the browser show what there is before the next long piece of work. */
async function shownFirst(): Promise<void> {
  await new Promise((resolve) => requestAnimationFrame(resolve))
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
}

/** Ask for the first image while the drawing is being set up; the browser keeps it until the viewer asks again. */
function useWarm(base: string, scene: Scene): void {
  useEffect(() => {
    const first = scene.levels.find((one) => one.name === 'preview') ?? scene.levels[0]
    if (first) void fetch(`${base}/volume/${first.name}.nii.gz`, { credentials: 'same-origin' }).then((answer) => answer.arrayBuffer()).catch(() => undefined)
  }, [])
}

/** The level shown: first the small preview, then the fine one, framed alike. */
function useLevel(views: Views | null, base: string, scene: Scene, shown: Shown): string | null {
  const [level, setLevel] = useState<string | null>(null)
  const names = scene.levels.map((one) => one.name)
  const grids = scene.levels.map((one) => [...one.shape, ...one.spacing_mm].join()).join(';')
  const window_ = scene.windows[shown.window] ?? { level: 60, width: 400 }
  useEffect(() => {
    if (!views) return
    let gone = false
    const load = async (name: string): Promise<void> => {
      const first = !views.slices.ready
      await views.slices.load({ volume: `${base}/volume/${name}.nii.gz`, level: window_.level, width: window_.width })
      if (gone) return
      views.slices.frame(name === 'preview' && shown.level !== 'preview' ? liverBox(scene) : null)
      const main = largest(scene.lesions)
      if (first && main) views.slices.go(measuredAt(main))
      setLevel(name)
    }
    const steps = async (): Promise<void> => {
      if (shown.level !== 'auto') return load(shown.level)
      if (names.includes('preview')) await load('preview')
      await shownFirst()
      if (!gone && names.includes('fine')) await load('fine')
    }
    steps().catch(() => undefined)
    return () => {
      gone = true
    }
    // the image of a later version is the same one: only its outlines are read anew
  }, [views, grids, shown.level])
  useEffect(() => views?.slices.window(window_.level, window_.width), [views, shown.window])
  return level
}

type Drawn = { strokes: Point[]; ruler: Line | null }

/** What the mouse does above the image while a tool is in hand. */
function pointer(views: Views | null, props: Props, drawn: Drawn, setDrawn: (drawn: Drawn) => void): CanvasHTMLAttributes<HTMLCanvasElement> {
  const { tool, size_mm, onClick, onStroke } = props
  const spot = (event: { offsetX: number; offsetY: number }): Point | null => views?.slices.under(event.offsetX, event.offsetY)?.lps ?? null
  const far = (a: Point | undefined, b: Point): boolean => !a || Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) > size_mm / 4
  return {
    onPointerDown: (event) => {
      const lps = spot(event)
      if (!lps || tool === 'look') return
      event.currentTarget.setPointerCapture(event.pointerId)
      if (tool === 'ruler') setDrawn({ strokes: [], ruler: { ends: [lps, lps], colour: '#7dffb2', text: '' } })
      else if (tool === 'paint' || tool === 'erase') setDrawn({ strokes: [lps], ruler: null })
      else onClick(lps)
    },
    onPointerMove: (event) => {
      if (!event.buttons) return
      const lps = spot(event)
      if (!lps) return
      if (tool === 'ruler' && drawn.ruler) {
        const from = drawn.ruler.ends[0]
        const length = Math.hypot(from[0] - lps[0], from[1] - lps[1], from[2] - lps[2])
        setDrawn({ strokes: [], ruler: { ends: [from, lps], colour: '#7dffb2', text: `${length.toFixed(1)} mm` } })
      } else if (drawn.strokes.length && far(drawn.strokes.at(-1), lps)) setDrawn({ strokes: [...drawn.strokes, lps], ruler: null })
    },
    onPointerUp: () => {
      if (drawn.strokes.length) onStroke(drawn.strokes)
      if (tool !== 'ruler') setDrawn({ strokes: [], ruler: null })
    },
    onWheel: (event) => {
      event.preventDefault()
      const on = views?.slices.under(event.offsetX, event.offsetY)
      if (!on) return
      const by = event.deltaY > 0 ? -1 : 1
      views?.slices.step(on.direction === 2 ? by : 0, on.direction === 1 ? by : 0, on.direction === 0 ? by : 0)
    },
  }
}
