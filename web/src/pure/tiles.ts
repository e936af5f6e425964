/** Where a point of the image lies on the canvas, for one slice shown there. */

export type Direction = 0 | 1 | 2
/** Which image axes run along the screen and which is looked along: axial, coronal, sagittal. */
export const AXES: readonly (readonly [number, number, number])[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 2, 0],
]

export interface ShownSlice {
  axCorSag: number
  leftTopWidthHeight: number[]
  leftTopMM: number[]
  fovMM: number[]
}

export interface Tile {
  direction: Direction
  /** canvas position of a fraction pair along the tile's own two axes */
  place: (across: number, up: number) => [number, number]
  box: [number, number, number, number]
}

/** The tile of a slice; `extent` gives, along each of the image's three axes, the millimetres at fraction 0 and 1. */
export function tile(slice: ShownSlice, extent: readonly (readonly [number, number])[]): Tile | null {
  const axes = AXES[slice.axCorSag]
  if (!axes) return null
  const [left = 0, top = 0, width = 0, height = 0] = slice.leftTopWidthHeight
  const mirrored = width < 0
  const across = Math.abs(width)
  const start = mirrored ? left + width : left
  const axis = (which: number): readonly [number, number] => extent[which] ?? [0, 1]
  const [x0, x1] = axis(axes[0])
  const [y0, y1] = axis(axes[1])
  const [leftMm = 0, topMm = 0] = slice.leftTopMM
  const [fovX = 1, fovY = 1] = slice.fovMM
  return {
    direction: slice.axCorSag as Direction,
    box: [start, top, across, height],
    place: (fx, fy) => {
      const share = (x0 + fx * (x1 - x0) - leftMm) / fovX
      const rise = (y0 + fy * (y1 - y0) - topMm) / fovY
      return [start + (mirrored ? 1 - share : share) * across, top + (1 - rise) * height]
    },
  }
}

/** LPS to RAS millimetres and back. */
export function flip(point: readonly [number, number, number]): [number, number, number] {
  return [-point[0], -point[1], point[2]]
}

/** Words for a point in LPS millimetres: which side, how far. */
export function coordinates(lps: readonly [number, number, number]): string {
  const part = (value: number, plus: string, minus: string): string => `${value >= 0 ? plus : minus} ${Math.abs(value).toFixed(1)}`
  return `${part(lps[0], 'L', 'R')}  ${part(lps[1], 'P', 'A')}  ${part(lps[2], 'S', 'I')} mm`
}
