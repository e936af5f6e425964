import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contours, type Plane } from '../src/pure/contours.ts'
import { bytes, guessRole } from '../src/pure/files.ts'
import { GAP, letterKey, millilitres, moment, number, plain, segments } from '../src/pure/format.ts'
import { History } from '../src/pure/history.ts'
import { match, typing } from '../src/pure/keys.ts'
import { rod } from '../src/pure/needle.ts'
import { link, parse } from '../src/pure/router.ts'
import { ticks } from '../src/pure/ticks.ts'
import { coordinates, flip, tile } from '../src/pure/tiles.ts'
import { inTurn } from '../src/pure/turn.ts'
import { byLine, problemWords } from '../src/pure/yaml.ts'

function plane(rows: string[]): Plane {
  return { width: rows[0]?.length ?? 0, height: rows.length, at: (x, y) => Number(rows[y]?.[x] ?? 0) }
}

/** Area inside closed line pieces by the shoelace sum; pieces need not be in order, only in one sense. */
function area(pieces: number[]): number {
  let sum = 0
  for (let i = 0; i < pieces.length; i += 4) sum += (pieces[i] ?? 0) * (pieces[i + 3] ?? 0) - (pieces[i + 2] ?? 0) * (pieces[i + 1] ?? 0)
  return Math.abs(sum / 2)
}

test('the outline of one voxel is a diamond of half its area', () => {
  const found = contours(plane(['000', '010', '000']), new Set([1]))
  assert.equal(found.get(1)?.length, 16)
  assert.equal(area(found.get(1) ?? []), 0.5)
})

test('the outline of a square of 4 x 4 voxels loses its corners alone', () => {
  const found = contours(plane(['1111', '1111', '1111', '1111']), new Set([1]))
  assert.equal(area(found.get(1) ?? []), 16 - 4 * 0.125)
})

test('labels that touch each have their own closed outline, and unwanted ones have none', () => {
  const found = contours(plane(['1122', '1122', '3300']), new Set([1, 2]))
  assert.deepEqual([...found.keys()].sort(), [1, 2])
  assert.equal(area(found.get(1) ?? []), 4 - 0.5)
  for (const pieces of found.values()) {
    const ends = new Map<string, number>()
    for (let i = 0; i < pieces.length; i += 2) ends.set(`${pieces[i]},${pieces[i + 1]}`, (ends.get(`${pieces[i]},${pieces[i + 1]}`) ?? 0) + 1)
    for (const count of ends.values()) assert.equal(count % 2, 0)
  }
})

test('radiological: a smaller fraction from the patient’s right lies on the left of the screen when the tile is mirrored twice', () => {
  const extent = [[-100, 100], [-80, 80], [0, 50]] as const
  const plain = tile({ axCorSag: 0, leftTopWidthHeight: [10, 20, 200, 160], leftTopMM: [-100, -80], fovMM: [200, 160] }, extent)
  assert.deepEqual(plain?.place(0, 0), [10, 180])
  assert.deepEqual(plain?.place(1, 1), [210, 20])
  const mirrored = tile({ axCorSag: 0, leftTopWidthHeight: [210, 20, -200, 160], leftTopMM: [-100, -80], fovMM: [200, 160] }, extent)
  assert.deepEqual(mirrored?.place(0, 0), [210, 180])
  assert.deepEqual(mirrored?.place(0.25, 0.5), [160, 100])
  assert.equal(tile({ axCorSag: 4, leftTopWidthHeight: [0, 0, 1, 1], leftTopMM: [], fovMM: [] }, extent), null)
})

test('coordinates name the patient’s sides', () => {
  assert.equal(coordinates([-12.34, 5, -6]), 'R 12.3  P 5.0  I 6.0 mm')
  assert.equal(coordinates([1, -2, 3]), 'L 1.0  A 2.0  S 3.0 mm')
  assert.deepEqual(flip(flip([1, 2, 3])), [1, 2, 3])
})

test('a needle is a closed rod of the right length, in RAS', () => {
  const bytes_ = new DataView(rod([0, 0, 0], [0, 0, 100], 1))
  assert.equal(bytes_.getUint16(0, true), 0x5a4d)
  const faces = bytes_.getUint32(4, true)
  const vertices = bytes_.getUint32(8, true)
  assert.equal(vertices - (faces * 3) / 2 + faces, 2)
  assert.equal(bytes_.byteLength, 16 + 12 * (faces + vertices))
  assert.equal(bytes_.getFloat32(16 + 12 * faces + 12 * (vertices - 1) + 8, true), 100)
  const sideways = new DataView(rod([10, 20, 0], [11, 20, 0], 1))
  assert.equal(sideways.getFloat32(16 + 12 * faces + 12 * (vertices - 2), true), -10)
})

test('missing numbers are gaps, not zeros', () => {
  assert.equal(number(null), GAP)
  assert.equal(number(Number.NaN), GAP)
  assert.equal(millilitres(0), '0.0 mL')
  assert.equal(millilitres(1544.6), '1545 mL')
  assert.equal(plain(null), GAP)
  assert.equal(plain([true, 'a']), 'yes, a')
  assert.equal(plain([]), 'none')
})

test('segments of a lesion by falling share, crumbs left out', () => {
  assert.equal(segments({ VIII: 98.8, VII: 1.2 }), 'VIII')
  assert.equal(segments({ V: 30, VI: 70 }), 'VI V')
  assert.equal(segments('IV'), 'IV')
  assert.equal(segments(null), GAP)
})

test('a moment that cannot be read stays as it is', () => {
  assert.equal(moment('yesterday'), 'yesterday')
  assert.match(moment('2026-03-02T08:00:00Z'), /^2026-03-0\d \d\d:00$/)
})

test('routes survive being written and read', () => {
  for (const route of [
    { page: 'cases' }, { page: 'users' }, { page: 'audit' },
    { page: 'case', id: 'a-1', tab: 'plans', version: 3 }, { page: 'case', id: 'a-1', tab: 'viewer', version: null },
  ] as const)
    assert.deepEqual(parse(link(route)), route)
  assert.deepEqual(parse('#/cases/a-1/nonsense?version=-2'), { page: 'case', id: 'a-1', tab: 'viewer', version: null })
  assert.deepEqual(parse('#/whatever'), { page: 'cases' })
})

test('axes have few round marks that hold the data', () => {
  assert.deepEqual(ticks(96.5, 104), [96, 98, 100, 102, 104])
  for (const [low, high] of [[0, 1], [3, 3], [0.2, 0.21], [96, 1040], [-5, 5], [0, 0]] as const) {
    const marks = ticks(low, high)
    assert.ok(marks.length >= 2 && marks.length <= 8, `${low}..${high}: ${marks.join()}`)
    assert.ok((marks[0] ?? Infinity) <= low + 1e-9 && (marks.at(-1) ?? -Infinity) >= high - 1e-9)
  }
})

test('undo goes back edit by edit, redo forth, and a new edit ends the redo', () => {
  const past = new History(null)
  assert.equal(past.undo, null)
  past.edited(1)
  past.edited(2)
  assert.equal(past.undo, 2)
  past.undone(3)
  assert.deepEqual([past.undo, past.redo], [1, 3])
  past.redone(4)
  assert.deepEqual([past.undo, past.redo], [4, null])
  past.undone(5)
  past.edited(6)
  assert.deepEqual([past.undo, past.redo], [6, null])
  assert.equal(new History(7).undo, 7)
})

test('letters typed into a field are no commands', () => {
  assert.ok(typing({ tagName: 'TEXTAREA' }))
  assert.ok(typing({ tagName: 'input', type: 'text' }))
  assert.ok(!typing({ tagName: 'INPUT', type: 'checkbox' }))
  assert.ok(!typing({ tagName: 'BUTTON' }))
  assert.ok(typing({ tagName: 'INPUT', type: 'range' }, 'ArrowUp'))
  assert.ok(!typing({ tagName: 'INPUT', type: 'range' }, '1'))
  const keys = [1, 2].map((n) => ({ key: 'a', what: String(n), run: () => undefined }))
  assert.equal(match({ key: 'a', ctrlKey: false, altKey: false, metaKey: false }, keys)?.what, '2')
  assert.equal(match({ key: 'a', ctrlKey: true, altKey: false, metaKey: false }, keys), null)
})

test('problems stand beside their lines with what was given and what is allowed', () => {
  const lines = byLine([{ text: 'a', line: 3 }, { text: 'b', line: 3 }, { text: 'c' }])
  assert.equal(lines.get(3)?.length, 2)
  assert.equal(lines.get(0)?.length, 1)
  assert.equal(problemWords({ text: 'not understood', key: 'patient.ecog', given: 9, allowed: [0, 1] }), 'patient.ecog: not understood; given 9; allowed 0, 1')
})

test('files are guessed by name, never by hope', () => {
  assert.equal(guessRole('case/liver.nii.gz'), 'liver')
  assert.equal(guessRole('Lesions.nii.gz'), 'lesions')
  assert.equal(guessRole('portal.nrrd'), 'portal')
  assert.equal(guessRole('kidney_left.nii.gz'), 'organ:kidney_left')
  assert.equal(guessRole('cava.nii'), 'cava')
  assert.equal(guessRole('leftlung.nii.gz'), 'organ:lung_left')
  assert.equal(guessRole('tumor01.nii.gz'), 'lesions')
  assert.equal(guessRole('bundle.json'), 'facts')
  assert.equal(guessRole('livercyst.nii.gz'), '')
  assert.equal(guessRole('IM0001'), '')
  assert.equal(guessRole('liver.dcm'), '')
  assert.equal(bytes(1_500_000), '1.5 MB')
})

test('work in turn never overlaps, and goes on after a failure', async () => {
  const told: string[] = []
  const slow = inTurn(async () => {
    told.push('a')
    await new Promise((resolve) => setTimeout(resolve, 20))
    told.push('b')
    throw new Error('failed')
  })
  const next = inTurn(async () => void told.push('c'))
  await assert.rejects(slow, /failed/)
  await next
  assert.deepEqual(told, ['a', 'b', 'c'])
})

test('the letters of a plan are explained, only those that occur', () => {
  assert.equal(letterKey(['A', 'B', 'X', 'A']), 'X removed, A ablated, B irradiated')
  assert.equal(letterKey(['']), '')
})
