import { contours, type Pieces, type Plane } from '../pure/contours.ts'
import { AXES, type Tile } from '../pure/tiles.ts'
import type { Point, SceneLesion } from '../types.ts'
import type { LabelMap } from './labels.ts'
import type { Slices } from './slices.ts'
import { channels } from './solid.ts'

export interface Ink {
  label: number
  colour: string
  width: number
  /** share of the area's colour, 0 for an outline alone */
  fill: number
  name?: string
}

export interface Layer {
  map: LabelMap
  inks: readonly Ink[]
  /** labels that count as another one in this layer */
  merge?: ReadonlyMap<number, number>
}

export interface Marks {
  layers: readonly Layer[]
  lesions: readonly SceneLesion[]
  chosen: string | null
  measures: boolean
  /** a brush being drawn: centres in the patient and radius in mm */
  strokes: readonly Point[]
  radius_mm: number
  /** extra lines between points of the patient, such as needles or a hand measurement */
  lines: readonly { ends: readonly [Point, Point]; colour: string; text: string }[]
}

const HALO = 'rgba(0, 0, 0, 0.75)'
const MEASURE = '#ffe08a'
const CROSS = 'rgba(255, 217, 92, 0.6)'
const CROSS_GAP = 9
/** Names of lesions stay so many letters' heights below the upper edge, where the letters of the sides stand. */
const LABEL_TOP = 3

/** Draws outlines, tints, names and measurements above the slices, keeping outlines of a slice until it changes. */
export class Painter {
  #cache = new Map<string, Map<number, Pieces>>()
  marks: Marks = { layers: [], lesions: [], chosen: null, measures: true, strokes: [], radius_mm: 0, lines: [] }

  /** Forget kept outlines: what is drawn has changed. */
  reset(marks: Marks): void {
    this.marks = marks
    this.#cache.clear()
  }

  paint(brush: CanvasRenderingContext2D, view: Slices): void {
    for (const tile of view.tiles()) {
      const [left, top, width, height] = tile.box
      brush.save()
      brush.beginPath()
      brush.rect(left, top, width, height)
      brush.clip()
      this.marks.layers.forEach((layer, number) => this.#outlines(brush, view, layer, number, tile))
      cross(brush, view, tile)
      if (this.marks.measures) for (const lesion of this.marks.lesions) this.#measure(brush, view, tile, lesion)
      this.#lines(brush, view, tile)
      this.#strokes(brush, view, tile)
      brush.restore()
    }
  }

  #outlines(brush: CanvasRenderingContext2D, view: Slices, layer: Layer, number: number, tile: Tile): void {
    const [across, up, through] = AXES[tile.direction] ?? [0, 1, 2]
    const { map, inks } = layer
    const depth = map.dims[through] ?? 1
    const slice = Math.min(depth - 1, Math.max(0, Math.floor((view.here()[through] ?? 0) * depth)))
    const width = map.dims[across] ?? 1
    const height = map.dims[up] ?? 1
    const plane = merged(map.plane(tile.direction, slice), layer.merge)
    const key = `${number}/${tile.direction}/${slice}`
    let found = this.#cache.get(key)
    if (!found) {
      found = contours(plane, new Set(inks.map((ink) => ink.label)))
      if (this.#cache.size > 60) this.#cache.clear()
      this.#cache.set(key, found)
    }
    const place = (x: number, y: number): [number, number] => tile.place((x + 0.5) / width, (y + 0.5) / height)
    if (inks.some((ink) => ink.fill > 0)) tint(brush, plane, inks, tile)
    for (const ink of inks) {
      const pieces = found.get(ink.label)
      if (pieces && ink.width > 0) stroke(brush, pieces, place, ink, view.ratio)
    }
  }

  #measure(brush: CanvasRenderingContext2D, view: Slices, tile: Tile, lesion: SceneLesion): void {
    if (!near(view, tile, lesion.centre_lps, Math.max(3, (lesion.long_mm ?? 6) / 2))) return
    const [across, up] = AXES[tile.direction] ?? [0, 1, 2]
    const centre = view.fraction(lesion.centre_lps)
    const [x, y] = tile.place(centre[across] ?? 0, centre[up] ?? 0)
    const chosen = lesion.id === this.marks.chosen
    let said = ''
    for (const [ends, length] of [
      [lesion.long_ends_lps, lesion.long_mm],
      [lesion.short_ends_lps, lesion.short_mm],
    ] as const) {
      if (!ends || length === null || length === undefined || !near(view, tile, ends[0], 2.6)) continue
      const [from, to] = ends.map((end) => spot(view, tile, end))
      if (!from || !to || tile.direction !== 0) continue
      line(brush, from, to, MEASURE, view.ratio * (chosen ? 2 : 1.4))
      said += said ? ` × ${length.toFixed(1)}` : length.toFixed(1)
    }
    const name = said ? `${lesion.id}  ${said} mm` : lesion.id
    const reach = ((lesion.long_mm ?? 8) / 2) * scale(view, tile, lesion.centre_lps)
    const low = tile.box[1] + LABEL_TOP * letter(view.ratio)
    write(brush, name, x + reach * 0.75 + 4 * view.ratio, Math.max(low, y - reach * 0.75), chosen ? '#ffffff' : MEASURE, view.ratio, chosen)
  }

  #lines(brush: CanvasRenderingContext2D, view: Slices, tile: Tile): void {
    for (const { ends, colour, text } of this.marks.lines) {
      const from = spot(view, tile, ends[0])
      const to = spot(view, tile, ends[1])
      line(brush, from, to, colour, 1.6 * view.ratio)
      if (text) write(brush, text, to[0] + 6 * view.ratio, to[1], colour, view.ratio, false)
    }
  }

  #strokes(brush: CanvasRenderingContext2D, view: Slices, tile: Tile): void {
    if (!this.marks.strokes.length) return
    brush.fillStyle = 'rgba(255, 224, 138, 0.35)'
    for (const centre of this.marks.strokes) {
      const [x, y] = spot(view, tile, centre)
      brush.beginPath()
      brush.arc(x, y, this.marks.radius_mm * scale(view, tile, centre), 0, 2 * Math.PI)
      brush.fill()
    }
  }
}

/** The crosshair: as thin at every zoom, open in the middle. */
function cross(brush: CanvasRenderingContext2D, view: Slices, tile: Tile): void {
  const [across, up] = AXES[tile.direction] ?? [0, 1, 2]
  const at = view.here()
  const [x, y] = tile.place(at[across] ?? 0, at[up] ?? 0)
  const [left, top, width, height] = tile.box
  const gap = CROSS_GAP * view.ratio
  brush.beginPath()
  brush.moveTo(left, y)
  brush.lineTo(x - gap, y)
  brush.moveTo(x + gap, y)
  brush.lineTo(left + width, y)
  brush.moveTo(x, top)
  brush.lineTo(x, y - gap)
  brush.moveTo(x, y + gap)
  brush.lineTo(x, top + height)
  brush.strokeStyle = CROSS
  brush.lineWidth = view.ratio
  brush.stroke()
}

function merged(plane: Plane, merge: ReadonlyMap<number, number> | undefined): Plane {
  if (!merge) return plane
  const table = Uint8Array.from({ length: 256 }, (_, label) => merge.get(label) ?? label)
  return { ...plane, at: (x, y) => table[plane.at(x, y)] ?? 0 }
}

function tint(brush: CanvasRenderingContext2D, plane: Plane, inks: readonly Ink[], tile: Tile): void {
  const { width, height } = plane
  const picture = new ImageData(width, height)
  const colours = new Map(inks.filter((ink) => ink.fill > 0).map((ink) => [ink.label, [...channels(ink.colour), ink.fill * 255]]))
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const colour = colours.get(plane.at(x, y))
      if (colour) picture.data.set(colour, 4 * (y * width + x))
    }
  const sheet = new OffscreenCanvas(width, height)
  sheet.getContext('2d')?.putImageData(picture, 0, 0)
  const [x0, y0] = tile.place(0, 0)
  const [x1, y1] = tile.place(1, 1)
  brush.save()
  brush.setTransform((x1 - x0) / width, 0, 0, (y1 - y0) / height, x0, y0)
  brush.imageSmoothingEnabled = false
  brush.drawImage(sheet, 0, 0)
  brush.restore()
}

function spot(view: Slices, tile: Tile, lps: Point): [number, number] {
  const [across, up] = AXES[tile.direction] ?? [0, 1, 2]
  const frac = view.fraction(lps)
  return tile.place(frac[across] ?? 0, frac[up] ?? 0)
}

/** Canvas pixels for a millimetre about a point. */
function scale(view: Slices, tile: Tile, lps: Point): number {
  const axis = tile.direction === 2 ? 1 : 0
  const other: Point = axis ? [lps[0], lps[1] + 10, lps[2]] : [lps[0] + 10, lps[1], lps[2]]
  const [x0, y0] = spot(view, tile, lps)
  const [x1, y1] = spot(view, tile, other)
  return Math.hypot(x1 - x0, y1 - y0) / 10
}

/** Whether a point lies within so many millimetres of the slice shown. */
function near(view: Slices, tile: Tile, lps: Point, reach_mm: number): boolean {
  const through = (AXES[tile.direction] ?? [0, 1, 2])[2]
  return Math.abs((view.crosshair()[through] ?? 0) - (lps[through] ?? 0)) <= reach_mm
}

function stroke(brush: CanvasRenderingContext2D, pieces: Pieces, place: (x: number, y: number) => [number, number], ink: Ink, ratio: number): void {
  brush.beginPath()
  for (let i = 0; i + 3 < pieces.length; i += 4) {
    brush.moveTo(...place(pieces[i] ?? 0, pieces[i + 1] ?? 0))
    brush.lineTo(...place(pieces[i + 2] ?? 0, pieces[i + 3] ?? 0))
  }
  brush.lineCap = 'round'
  brush.strokeStyle = HALO
  brush.lineWidth = (ink.width + 1.5) * ratio
  brush.stroke()
  brush.strokeStyle = ink.colour
  brush.lineWidth = ink.width * ratio
  brush.stroke()
}

function line(brush: CanvasRenderingContext2D, from: readonly [number, number], to: readonly [number, number], colour: string, width: number): void {
  for (const [ink, size] of [
    [HALO, width + 2],
    [colour, width],
  ] as const) {
    brush.beginPath()
    brush.moveTo(from[0], from[1])
    brush.lineTo(to[0], to[1])
    brush.strokeStyle = ink
    brush.lineWidth = size
    brush.stroke()
  }
}

/** Height of what is written on the image, in canvas pixels: it follows the size of the page's text. */
function letter(ratio: number): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.85 * ratio
}

function write(brush: CanvasRenderingContext2D, text: string, x: number, y: number, colour: string, ratio: number, bold: boolean): void {
  brush.font = `${bold ? 700 : 600} ${letter(ratio)}px system-ui, "DejaVu Sans", sans-serif`
  brush.lineJoin = 'round'
  brush.lineWidth = 4 * ratio
  brush.strokeStyle = HALO
  brush.strokeText(text, x, y)
  brush.fillStyle = colour
  brush.fillText(text, x, y)
}
