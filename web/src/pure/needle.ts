import { flip } from './tiles.ts'

type Point = readonly [number, number, number]
const SIDES = 10
const MAGIC = 0x5a4d
const HAS_FACES_AND_VERTICES = 3

/** A round rod between two points (LPS mm) as the bytes of an MZ3 mesh in RAS mm. */
export function rod(from: Point, to: Point, radius_mm: number): ArrayBuffer {
  const start = flip(from)
  const end = flip(to)
  const along = unit([end[0] - start[0], end[1] - start[1], end[2] - start[2]])
  const side = unit(cross(along, Math.abs(along[2]) < 0.9 ? [0, 0, 1] : [1, 0, 0]))
  const other = cross(along, side)
  const vertices: number[] = []
  for (const end_ of [start, end])
    for (let i = 0; i < SIDES; i += 1) {
      const angle = (2 * Math.PI * i) / SIDES
      for (let axis = 0; axis < 3; axis += 1)
        vertices.push((end_[axis] ?? 0) + radius_mm * (Math.cos(angle) * (side[axis] ?? 0) + Math.sin(angle) * (other[axis] ?? 0)))
    }
  vertices.push(...start, ...end)
  const faces: number[] = []
  for (let i = 0; i < SIDES; i += 1) {
    const next = (i + 1) % SIDES
    faces.push(i, next, SIDES + i, next, SIDES + next, SIDES + i, next, i, 2 * SIDES, SIDES + i, SIDES + next, 2 * SIDES + 1)
  }
  return mz3(faces, vertices)
}

function mz3(faces: readonly number[], vertices: readonly number[]): ArrayBuffer {
  const bytes = new ArrayBuffer(16 + 4 * (faces.length + vertices.length))
  const view = new DataView(bytes)
  view.setUint16(0, MAGIC, true)
  view.setUint16(2, HAS_FACES_AND_VERTICES, true)
  view.setUint32(4, faces.length / 3, true)
  view.setUint32(8, vertices.length / 3, true)
  faces.forEach((index, at) => view.setInt32(16 + 4 * at, index, true))
  vertices.forEach((value, at) => view.setFloat32(16 + 4 * (faces.length + at), value, true))
  return bytes
}

function cross(a: Point, b: Point): [number, number, number] {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

function unit(v: Point): [number, number, number] {
  const length = Math.hypot(...v) || 1
  return [v[0] / length, v[1] / length, v[2] / length]
}
