import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { patch, post, remove } from '../api.ts'
import { useLoad, useShortcuts } from '../parts/hooks.ts'
import { ImageArea, type ImageHandle, type Tool } from '../parts/image.tsx'
import { LesionTable } from '../parts/lesions.tsx'
import { measuredAt } from '../parts/slicing.ts'
import { StructureList } from '../parts/structures.tsx'
import { Toolbar, type Shown } from '../parts/toolbar.tsx'
import { Choice, Dialog, Field, Slider, Trouble, Waiting } from '../parts/ui.tsx'
import { History } from '../pure/history.ts'
import type { Needle, Point, Scene, SceneLesion } from '../types.ts'
import type { TabProps } from './case.tsx'

/** Kinds whose outlines are shown at first. */
const SHOWN_FIRST = new Set(['lesion', 'liver', 'portal', 'hepatic', 'cava'])

/** Slices, surfaces, lesions and their correction. */
export function ViewerTab(props: TabProps): JSX.Element {
  const { detail, version, planned } = props
  const loaded = useLoad<Scene>(`/cases/${detail.id}/v/${version}/scene`, planned)
  const [last, setLast] = useState<{ scene: Scene; version: number } | null>(null)
  if (loaded.data && loaded.data !== last?.scene) setLast({ scene: loaded.data, version })
  // after an edit the image stays on the screen until the new outlines are there
  if (!last) return loaded.error ? <Trouble error={loaded.error} /> : <Waiting what="Preparing the pictures" />
  return (
    <>
      <Trouble error={loaded.error} />
      <Opened {...props} scene={last.scene} version={last.version} />
    </>
  )
}

/** Needles that a plan uses; where no plan uses any, all ways that were found. */
function usedFirst(needles: readonly Needle[]): readonly Needle[] {
  const used = needles.filter((needle) => needle.plans?.length)
  return used.length ? used : needles
}

/** The smallest whole millimetre that changes an outline on this scan's voxels, at least one. */
function growStep(scene: Scene): number {
  const finest = Math.min(...scene.levels.flatMap((level) => level.spacing_mm))
  return Number.isFinite(finest) ? Math.max(1, Math.ceil(finest)) : 1
}

type Edit = (work: (based_on: number) => Promise<{ version: number; lesion?: SceneLesion }>) => void

function useEdits({ detail, again }: TabProps): { edit: Edit; busy: boolean; error: unknown; undo: () => void; redo: () => void; canUndo: boolean; canRedo: boolean } {
  const history = useRef<History | null>(null)
  const before = detail.versions.find((one) => one.version === detail.newest)?.based_on ?? null
  history.current ??= new History(before)
  const past = history.current
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const run = (work: Promise<unknown>, done: () => void): void => {
    setBusy(true)
    setError(null)
    work
      .then(() => {
        done()
        again()
      }, setError)
      .finally(() => setBusy(false))
  }
  const newest = detail.newest
  const back = (to: number | null, done: () => void): void => {
    if (to !== null && !busy) run(post(`/cases/${detail.id}/revert`, { to, based_on: newest }), done)
  }
  return {
    edit: (work) => !busy && run(work(newest), () => past.edited(newest)),
    busy,
    error,
    undo: () => back(past.undo, () => past.undone(newest)),
    redo: () => back(past.redo, () => past.redone(newest)),
    canUndo: past.undo !== null,
    canRedo: past.redo !== null,
  }
}

function Opened(props: TabProps & { scene: Scene }): JSX.Element {
  const { detail, user, version, scene, planned } = props
  const base = `/cases/${detail.id}`
  const may = user.role !== 'view' && version === detail.newest
  const edits = useEdits(props)
  const image = useRef<ImageHandle>(null)
  const needles = useLoad<Needle[]>(planned === version ? `${base}/v/${version}/needles` : null)
  const [chosen, setChosen] = useState<string | null>(null)
  const [hidden, setHidden] = useState<ReadonlySet<string>>(() => new Set(scene.structures.filter((one) => !SHOWN_FIRST.has(one.kind)).map((one) => one.key)))
  const [shown, setShown] = useState<Shown>({ pane: 'all', window: 0, outlines: true, fill: false, measures: true, plan: 0, level: 'auto', needles: false })
  const [tool, setTool] = useState<Tool>('look')
  const [sizes, setSizes] = useState({ lesion: 0, brush: 10 })
  const [leaving, setLeaving] = useState(false)
  const lesion = scene.lesions.find((one) => one.id === chosen) ?? null
  const sizing = tool === 'add' || tool === 'regrow' ? 'lesion' : 'brush'
  const size_mm = sizes[sizing]
  const setSize = (mm: number): void => setSizes({ ...sizes, [sizing]: mm })

  const choose = (one: SceneLesion): void => {
    setChosen(one.id)
    image.current?.go(measuredAt(one))
  }
  const around = (by: number): void => {
    const at = scene.lesions.findIndex((one) => one.id === chosen)
    const next = scene.lesions.at(at < 0 ? (by > 0 ? 0 : -1) : (at + by) % scene.lesions.length)
    if (next) choose(next)
  }
  const change = (body: Record<string, unknown>): void => {
    if (lesion) edits.edit((based_on) => patch(`${base}/lesions/${encodeURIComponent(lesion.id)}`, { based_on, ...body }))
  }
  const onClick = (lps: Point): void => {
    const clicked = { point_lps: lps, diameter_mm: size_mm || null }
    if (tool === 'add') edits.edit((based_on) => post(`${base}/lesions`, { based_on, ...clicked }))
    if (tool === 'regrow') change({ action: 'regrow', ...clicked })
    if (tool === 'add' || tool === 'regrow') setTool('look')
  }
  const onStroke = (centres: Point[]): void => change({ action: tool === 'paint' ? 'add' : 'erase', centre_lps: centres, radius_mm: size_mm / 2 })
  useViewerKeys({ scene, shown, setShown, setTool, around, image, edits, may, toWindow: (by) => setShown({ ...shown, window: (shown.window + by + scene.windows.length) % Math.max(1, scene.windows.length) }) })

  return (
    <section class="viewer">
      <Toolbar scene={scene} shown={shown} onShown={setShown} needles={needles.data?.length ?? 0} />
      {may && (
        <Correct
          lesion={lesion}
          tool={tool}
          onTool={setTool}
          edits={edits}
          step_mm={growStep(scene)}
          onGrow={(mm) => change(mm > 0 ? { action: 'grow', mm } : { action: 'shrink', mm: -mm })}
          onDelete={() => setLeaving(true)}
        />
      )}
      <Trouble error={edits.error} />
      <div class="stage">
        <ImageArea
          ref={image}
          base={`/api${base}/v/${version}`}
          scene={scene}
          shown={shown}
          hidden={hidden}
          chosen={chosen}
          needles={shown.needles ? usedFirst(needles.data ?? []) : []}
          tool={tool}
          size_mm={size_mm}
          onClick={onClick}
          onStroke={onStroke}
        >
          <Hint tool={tool} busy={edits.busy} size_mm={size_mm} onSize={setSize} />
        </ImageArea>
        <div class="side">
          <LesionTable lesions={scene.lesions} chosen={chosen} onChoose={choose} />
          {shown.needles && (
            <ul class="needles">
              {usedFirst(needles.data ?? []).map((needle, index) => (
                <li key={index}>
                  <button type="button" class="linkish" onClick={() => image.current?.go(needle.tip_lps)}>
                    {needle.text}
                  </button>
                </li>
              ))}
            </ul>
          )}
          <StructureList structures={scene.structures} hidden={hidden} onHidden={setHidden} />
        </div>
      </div>
      {leaving && lesion && (
        <DeleteLesion
          lesion={lesion}
          onClose={() => setLeaving(false)}
          onDelete={(why) => {
            setLeaving(false)
            setChosen(null)
            edits.edit((based_on) => remove(`${base}/lesions/${encodeURIComponent(lesion.id)}`, { based_on, why }))
          }}
        />
      )}
    </section>
  )
}

interface KeyProps {
  scene: Scene
  shown: Shown
  setShown: (shown: Shown) => void
  setTool: (tool: Tool) => void
  around: (by: number) => void
  toWindow: (by: number) => void
  image: { current: ImageHandle | null }
  edits: ReturnType<typeof useEdits>
  may: boolean
}

function useViewerKeys({ shown, setShown, setTool, around, toWindow, image, edits, may }: KeyProps): void {
  const step = (left: number, front: number, head: number) => () => image.current?.step(left, front, head)
  useShortcuts([
    { key: 'ArrowUp', what: 'slice towards the head', run: step(0, 0, 1) },
    { key: 'ArrowDown', what: 'slice towards the feet', run: step(0, 0, -1) },
    { key: 'ArrowLeft', what: 'towards the patient’s right', run: step(-1, 0, 0) },
    { key: 'ArrowRight', what: 'towards the patient’s left', run: step(1, 0, 0) },
    { key: '.', what: 'towards the front', run: step(0, 1, 0) },
    { key: ',', what: 'towards the back', run: step(0, -1, 0) },
    { key: ']', what: 'next lesion', run: () => around(1) },
    { key: '[', what: 'lesion before', run: () => around(-1) },
    { key: 'q', what: 'all views', run: () => setShown({ ...shown, pane: 'all' }) },
    { key: 'a', what: 'axial alone', run: () => setShown({ ...shown, pane: 'axial' }) },
    { key: 'c', what: 'coronal alone', run: () => setShown({ ...shown, pane: 'coronal' }) },
    { key: 's', what: 'sagittal alone', run: () => setShown({ ...shown, pane: 'sagittal' }) },
    { key: 't', what: '3D alone', run: () => setShown({ ...shown, pane: 'solid' }) },
    { key: 'w', what: 'next window', run: () => toWindow(1) },
    { key: 'o', what: 'outlines', run: () => setShown({ ...shown, outlines: !shown.outlines }) },
    { key: 'f', what: 'areas tinted', run: () => setShown({ ...shown, fill: !shown.fill }) },
    { key: 'm', what: 'measurements', run: () => setShown({ ...shown, measures: !shown.measures }) },
    { key: 'x', what: 'measure by hand', run: () => setTool('ruler') },
    { key: 'e', what: 'add a missed lesion', run: () => may && setTool('add') },
    { key: 'u', what: 'undo the last correction', run: () => may && edits.undo() },
    { key: 'r', what: 'redo', run: () => may && edits.redo() },
    { key: 'Escape', what: 'put the tool down', run: () => setTool('look') },
  ])
}

function Correct(props: {
  lesion: SceneLesion | null
  tool: Tool
  onTool: (tool: Tool) => void
  edits: ReturnType<typeof useEdits>
  step_mm: number
  onGrow: (mm: number) => void
  onDelete: () => void
}): JSX.Element {
  const { lesion, tool, onTool, edits, step_mm, onGrow, onDelete } = props
  const tools: (readonly [Tool, string])[] = [
    ['look', 'Look'],
    ['ruler', 'Measure'],
    ['add', 'Add a missed lesion'],
  ]
  if (lesion) tools.push(['regrow', `Outline ${lesion.id} anew`], ['paint', `Paint to ${lesion.id}`], ['erase', `Erase from ${lesion.id}`])
  return (
    <div class="correct" aria-busy={edits.busy}>
      <Choice label="Tool" value={tool} options={tools} onChange={onTool} />
      {lesion && (
        <>
          <button type="button" disabled={edits.busy} onClick={() => onGrow(step_mm)}>
            Grow {step_mm} mm
          </button>
          <button type="button" disabled={edits.busy} onClick={() => onGrow(-step_mm)}>
            Shrink {step_mm} mm
          </button>
          <button type="button" class="danger" disabled={edits.busy} onClick={onDelete}>
            Delete {lesion.id}
          </button>
        </>
      )}
      <button type="button" disabled={edits.busy || !edits.canUndo} onClick={edits.undo}>
        Undo
      </button>
      <button type="button" disabled={edits.busy || !edits.canRedo} onClick={edits.redo}>
        Redo
      </button>
    </div>
  )
}

const HINTS: Record<Tool, string> = {
  look: '',
  ruler: 'Drag from one point to another. Hand measurements are not kept.',
  add: 'Click into the missed lesion.',
  regrow: 'Click into the lesion: its outline is made anew from there.',
  paint: 'Drag over what belongs to the lesion; it is kept when you let go.',
  erase: 'Drag over what does not belong to the lesion; it is kept when you let go.',
}

/** What the tool in hand does, above the image so that nothing moves under the mouse. */
function Hint({ tool, busy, size_mm, onSize }: { tool: Tool; busy: boolean; size_mm: number; onSize: (mm: number) => void }): JSX.Element | null {
  if (busy) return <p class="tool-hint" role="status">Correcting …</p>
  if (tool === 'look') return null
  return (
    <div class="tool-hint">
      {tool !== 'ruler' && (
        <Slider
          label={tool === 'add' || tool === 'regrow' ? 'About how large' : 'Brush'}
          words={size_mm ? `${size_mm} mm` : 'by its contrast'}
          value={size_mm}
          low={tool === 'add' || tool === 'regrow' ? 0 : 2}
          high={60}
          step={2}
          onChange={onSize}
        />
      )}
      <p role="status">{HINTS[tool]} Escape puts the tool down.</p>
    </div>
  )
}

function DeleteLesion({ lesion, onClose, onDelete }: { lesion: SceneLesion; onClose: () => void; onDelete: (why: string) => void }): JSX.Element {
  const [why, setWhy] = useState('')
  const words = useMemo(() => `Delete ${lesion.id}?`, [lesion.id])
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])
  return (
    <Dialog title={words} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          onDelete(why)
        }}
      >
        <p>A lesion that has vanished is not deleted but recorded as vanished in the facts: it still has to be treated.</p>
        <Field label="Why it is no lesion">
          {(ids) => <input {...ids} ref={field} required value={why} onInput={(event) => setWhy(event.currentTarget.value)} />}
        </Field>
        <button type="submit" class="danger">
          Delete {lesion.id}
        </button>
      </form>
    </Dialog>
  )
}
