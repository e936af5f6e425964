import { DRAG_MODE, MULTIPLANAR_TYPE, Niivue, SHOW_RENDER, SLICE_TYPE, type NVConfigOptions } from '@niivue/niivue'
import { flip, tile, type Direction, type Tile } from '../pure/tiles.ts'
import { inTurn } from '../pure/turn.ts'
import type { Point } from '../types.ts'

export interface Opening {
  volume: string
  level: number
  width: number
}

/** 'row': all three beside each other. */
export type Pane = 'all' | 'row' | 'axial' | 'coronal' | 'sagittal'
const SINGLE: Record<Exclude<Pane, 'all' | 'row'>, SLICE_TYPE> = {
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
}

type Place = { sliceType: SLICE_TYPE; position: [number, number, number, number] }
const LAYOUTS: Record<'all' | 'row', Place[]> = {
  all: [
    { sliceType: SLICE_TYPE.AXIAL, position: [0, 0, 0.5, 0.5] },
    { sliceType: SLICE_TYPE.CORONAL, position: [0.5, 0, 0.5, 0.5] },
    { sliceType: SLICE_TYPE.SAGITTAL, position: [0, 0.5, 0.5, 0.5] },
  ],
  row: [
    { sliceType: SLICE_TYPE.AXIAL, position: [0, 0, 0.325, 1] },
    { sliceType: SLICE_TYPE.CORONAL, position: [0.3375, 0, 0.325, 1] },
    { sliceType: SLICE_TYPE.SAGITTAL, position: [0.675, 0, 0.325, 1] },
  ],
}

/** Options that never change: the patient's right is on the left of the screen, as radiologists read. */
const OPTIONS = {
  isRadiologicalConvention: true,
  sagittalNoseLeft: true,
  showAllOrientationMarkers: true,
  multiplanarShowRender: SHOW_RENDER.NEVER,
  multiplanarLayout: MULTIPLANAR_TYPE.GRID,
  isSliceMM: false,
  dragAndDropEnabled: false,
  dragMode: DRAG_MODE.windowing,
  crosshairWidth: 0,
  backColor: [0, 0, 0, 1],
  fontColor: [1, 1, 1, 1] as unknown as Float32List,
  fontMinPx: 18,
  fontSizeScaling: 0.75,
  loadingText: '',
  logLevel: 'error' as const,
  clipPlaneHotKey: '',
  cycleClipPlaneHotKey: '',
  viewModeHotKey: '',
  trustCalMinMax: true,
  isColorbar: false,
  isAntiAlias: false,
} satisfies Partial<NVConfigOptions>

/** Axial, coronal and sagittal slices on one canvas, with a second canvas above it for outlines and measurements. */
export class Slices {
  readonly #nv: Niivue
  readonly #above: HTMLCanvasElement
  #closed = false
  /** Draws what lies above the image; called after every drawing of it. */
  paint: (brush: CanvasRenderingContext2D, view: Slices) => void = () => undefined
  /** Told when the crosshair has moved. */
  moved: (lps: Point) => void = () => undefined

  private constructor(nv: Niivue, above: HTMLCanvasElement) {
    this.#nv = nv
    this.#above = above
  }

  /** Take over two canvases that lie on each other; rejects when the browser has no WebGL 2. */
  static async open(canvas: HTMLCanvasElement, above: HTMLCanvasElement): Promise<Slices> {
    const nv = new Niivue({ ...OPTIONS })
    nv.keyDownListener = () => undefined
    nv.keyUpListener = () => undefined
    await inTurn(() => nv.attachToCanvas(canvas, false))
    const view = new Slices(nv, above)
    const draw = nv.drawScene.bind(nv)
    nv.drawScene = () => {
      const said = draw()
      view.repaint()
      return said
    }
    nv.onLocationChange = () => view.moved(view.crosshair())
    view.layout('all')
    return view
  }

  /** Show a volume; the crosshair stays where it was in the patient. */
  async load(opening: Opening): Promise<void> {
    const before = this.#nv.volumes.length ? this.crosshair() : null
    const low = opening.level - opening.width / 2
    const shown = { url: opening.volume, name: 'volume.nii.gz', colormap: 'gray', cal_min: low, cal_max: low + opening.width }
    await inTurn(() => this.#nv.loadVolumes([shown]))
    if (this.#closed) return
    if (before) this.go(before)
    else this.#nv.drawScene()
  }

  get ready(): boolean {
    return this.#nv.volumes.length > 0
  }

  /** Set the grey scale: level and width in Hounsfield units. */
  window(level: number, width: number): void {
    const volume = this.#nv.volumes[0]
    if (!volume) return
    volume.cal_min = level - width / 2
    volume.cal_max = level + width / 2
    this.#nv.updateGLVolume()
  }

  /** Zoom so that a box of the patient (two opposite corners) fills the slices; a box of null shows the whole image. */
  frame(box: readonly [Point, Point] | null): void {
    if (!this.ready) return
    const low = this.#nv.frac2mm([0, 0, 0])
    const high = this.#nv.frac2mm([1, 1, 1])
    if (!box) return this.#nv.setPan2Dxyzmm([0, 0, 0, 1])
    const ends = box.map((corner) => this.#nv.frac2mm(this.#nv.mm2frac(flip(corner))))
    const zoom = Math.max(1, Math.min(...AXIS.map((a) => span(low, high, a) / Math.max(1, span(ends[0] ?? low, ends[1] ?? high, a)))))
    const pan = AXIS.map((a) => middle(low, high, a) - zoom * middle(ends[0] ?? low, ends[1] ?? high, a))
    this.#nv.setPan2Dxyzmm([pan[0] ?? 0, pan[1] ?? 0, pan[2] ?? 0, zoom])
  }

  /** One direction large, all three with room for the 3D picture in the fourth quarter, or all three in a row. */
  layout(pane: Pane): void {
    this.#nv.clearCustomLayout()
    if (pane === 'all' || pane === 'row') this.#nv.setCustomLayout(LAYOUTS[pane])
    else this.#nv.setSliceType(SINGLE[pane])
    this.#nv.drawScene()
  }

  /** Move the crosshair to a point of the patient. */
  go(lps: Point): void {
    if (!this.ready) return
    const frac = this.#nv.mm2frac(flip(lps))
    this.#nv.scene.crosshairPos = Float32Array.from(frac as Iterable<number>, (part) => Math.min(1, Math.max(0, part))) as never
    this.#nv.drawScene()
    this.moved(this.crosshair())
  }

  /** Move by whole voxels along the patient's axes: right to left, back to front, foot to head. */
  step(left: number, front: number, head: number): void {
    if (this.ready) this.#nv.moveCrosshairInVox(-left, front, head)
  }

  crosshair(): Point {
    const mm = this.#nv.frac2mm(this.#nv.scene.crosshairPos)
    return flip([mm[0] ?? 0, mm[1] ?? 0, mm[2] ?? 0])
  }

  /** Where each slice lies on the canvas now, in canvas pixels. */
  tiles(): Tile[] {
    if (!this.ready) return []
    const low = this.#nv.frac2mm([0, 0, 0])
    const high = this.#nv.frac2mm([1, 1, 1])
    const extent = [0, 1, 2].map((axis) => [low[axis] ?? 0, high[axis] ?? 1] as const)
    return this.#nv.screenSlices.map((slice) => tile(slice, extent)).filter((found) => found !== null)
  }

  /** A point of the patient as fractions of the image along its axes. */
  fraction(lps: Point): readonly [number, number, number] {
    const frac = this.#nv.mm2frac(flip(lps))
    return [frac[0] ?? 0, frac[1] ?? 0, frac[2] ?? 0]
  }

  /** Fractions of the crosshair. */
  here(): readonly [number, number, number] {
    const at = this.#nv.scene.crosshairPos
    return [at[0] ?? 0, at[1] ?? 0, at[2] ?? 0]
  }

  /** The point of the patient under a place on the page (CSS pixels from the canvas's corner), or null outside the image. */
  under(x: number, y: number): { lps: Point; direction: Direction } | null {
    const ratio = this.ratio
    const frac = this.#nv.canvasPos2frac([x * ratio, y * ratio])
    if ((frac[0] ?? -1) < 0) return null
    const mm = this.#nv.frac2mm(frac)
    const on = this.tiles().find(({ box }) => inside(box, x * ratio, y * ratio))
    return on ? { lps: flip([mm[0] ?? 0, mm[1] ?? 0, mm[2] ?? 0]), direction: on.direction } : null
  }

  /** Canvas pixels for one CSS pixel. */
  get ratio(): number {
    const canvas = this.#nv.gl.canvas as HTMLCanvasElement
    return canvas.clientWidth ? canvas.width / canvas.clientWidth : 1
  }

  repaint(): void {
    const canvas = this.#nv.gl.canvas
    if (this.#above.width !== canvas.width) this.#above.width = canvas.width
    if (this.#above.height !== canvas.height) this.#above.height = canvas.height
    const brush = this.#above.getContext('2d')
    if (!brush) return
    brush.clearRect(0, 0, canvas.width, canvas.height)
    if (this.ready) this.paint(brush, this)
  }

  close(): void {
    this.#closed = true
    this.#nv.drawScene = () => ''
    this.#nv.cleanup()
    this.#nv.gl.getExtension('WEBGL_lose_context')?.loseContext()
  }
}

const AXIS = [0, 1, 2] as const
type Numbers = ArrayLike<number>
const span = (low: Numbers, high: Numbers, axis: number): number => Math.abs((high[axis] ?? 0) - (low[axis] ?? 0))
const middle = (low: Numbers, high: Numbers, axis: number): number => ((high[axis] ?? 0) + (low[axis] ?? 0)) / 2

function inside(box: readonly number[], x: number, y: number): boolean {
  const [left = 0, top = 0, width = 0, height = 0] = box
  return x >= left && x <= left + width && y >= top && y <= top + height
}
