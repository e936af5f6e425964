/** Outlines of labels in one plane of a label map, as line pieces between grid points. */

export interface Plane {
  width: number
  height: number
  /** label at column x, row y */
  at: (x: number, y: number) => number
}

/** Four numbers per piece: x1, y1, x2, y2 in columns and rows (voxel centres at whole numbers). */
export type Pieces = number[]

const EDGE: readonly (readonly [number, number])[] = [
  [0.5, 0],
  [1, 0.5],
  [0.5, 1],
  [0, 0.5],
]
/** Marching squares: for the four corners' bits (top left 1, top right 2, bottom right 4, bottom left 8) the edges joined. */
const JOINS: readonly (readonly number[])[] = [
  [], [3, 0], [0, 1], [3, 1], [1, 2], [3, 0, 1, 2], [0, 2], [3, 2],
  [2, 3], [2, 0], [0, 1, 2, 3], [2, 1], [1, 3], [1, 0], [0, 3], [],
]

/** Marching squares for every wanted label in one pass; labels not in `wanted` are background. */
export function contours(plane: Plane, wanted: ReadonlySet<number>): Map<number, Pieces> {
  const found = new Map<number, Pieces>()
  for (let y = -1; y < plane.height; y += 1) {
    let topRight = 0
    let bottomRight = 0
    for (let x = -1; x < plane.width; x += 1) {
      const topLeft = topRight
      const bottomLeft = bottomRight
      const inside = x + 1 < plane.width
      topRight = inside && y >= 0 ? plane.at(x + 1, y) : 0
      bottomRight = inside && y + 1 < plane.height ? plane.at(x + 1, y + 1) : 0
      if (topLeft === topRight && topLeft === bottomLeft && topLeft === bottomRight) continue
      const corners = [topLeft, topRight, bottomRight, bottomLeft]
      for (let i = 0; i < 4; i += 1) {
        const label = corners[i] ?? 0
        if (!label || corners.indexOf(label) < i || !wanted.has(label)) continue
        addPieces(found, label, corners, x, y)
      }
    }
  }
  return found
}

function addPieces(found: Map<number, Pieces>, label: number, corners: number[], x: number, y: number): void {
  let bits = 0
  for (let i = 0; i < 4; i += 1) if (corners[i] === label) bits |= 1 << i
  const joins = JOINS[bits] ?? []
  let pieces = found.get(label)
  if (!pieces) found.set(label, (pieces = []))
  for (let i = 0; i < joins.length; i += 2) {
    const from = EDGE[joins[i] ?? 0]
    const to = EDGE[joins[i + 1] ?? 0]
    if (from && to) pieces.push(x + from[0], y + from[1], x + to[0], y + to[1])
  }
}
