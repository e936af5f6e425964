import { useEffect, useState } from 'preact/hooks'
import type { PlanPart, Point, Scene, SceneLesion } from '../types.ts'
import type { LabelMap } from '../view/labels.ts'
import type { Ink, Layer, Painter } from '../view/paint.ts'
import type { Slices } from '../view/slices.ts'
import type { Shown } from './toolbar.tsx'

const TINT = 0.28
type Canvas = { current: HTMLCanvasElement | null }

export interface Views {
  slices: Slices
  painter: Painter
}

/** What a plan leaves and takes, tinted. */
export function planLayer(map: LabelMap, parts: readonly PlanPart[]): Layer {
  return { map, inks: parts.map(({ label, colour }) => ({ label, colour, width: 1, fill: TINT })) }
}

/** The liver's outline runs behind what lies in it: segments and lesions count as liver there; all else follows on top. */
export function anatomy(map: LabelMap, scene: Scene, hidden: ReadonlySet<string>, shown: Pick<Shown, 'outlines' | 'fill'>): Layer[] {
  const liver = scene.structures.find((one) => one.kind === 'liver')
  const inks: Ink[] = scene.structures
    .filter((one) => typeof one.label === 'number' && !hidden.has(one.key) && one.kind !== 'liver')
    .map((one) => ({
      label: one.label ?? 0,
      colour: one.colour,
      width: shown.outlines ? (one.kind === 'lesion' ? 2 : 1.1) : 0,
      fill: shown.fill ? TINT : 0,
    }))
  const layers: Layer[] = [{ map, inks }]
  if (!liver || typeof liver.label !== 'number' || hidden.has(liver.key) || !shown.outlines) return layers
  const within = scene.structures.filter((one) => one.kind === 'segment' || one.kind === 'lesion')
  const merge = new Map(within.map((one) => [one.label ?? 0, liver.label ?? 0]))
  return [{ map, merge, inks: [{ label: liver.label, colour: liver.colour, width: 1.4, fill: 0 }] }, ...layers]
}

/** Slices on two canvases that lie on each other, once the browser has them; else what went wrong. */
export function useViews(gl: Canvas, above: Canvas): [Views | null, string] {
  const [views, setViews] = useState<Views | null>(null)
  const [error, setError] = useState('')
  useEffect(() => {
    let gone = false
    let made: Slices | null = null
    const open = async (): Promise<void> => {
      const [{ Slices }, { Painter }] = await Promise.all([import('../view/slices.ts'), import('../view/paint.ts')])
      if (gone || !gl.current || !above.current) return
      made = await Slices.open(gl.current, above.current)
      if (gone) return made.close()
      const painter = new Painter()
      made.paint = (brush, view) => painter.paint(brush, view)
      setViews({ slices: made, painter })
    }
    open().catch((failed: unknown) => setError(failed instanceof Error ? failed.message : String(failed)))
    return () => {
      gone = true
      made?.close()
    }
  }, [])
  return [views, error]
}

/** The middle of a lesion's longest axial diameter, so that the slice shown is the one it was measured on. */
export function measuredAt(lesion: SceneLesion): Point {
  const ends = lesion.long_ends_lps
  if (!ends) return lesion.centre_lps
  const [[x0, y0, z0], [x1, y1, z1]] = ends
  return [(x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2]
}

/** The lesion shown first. */
export function largest(lesions: readonly SceneLesion[]): SceneLesion | undefined {
  return [...lesions].sort((a, b) => (b.volume_ml ?? 0) - (a.volume_ml ?? 0))[0]
}

/** Opposite corners of the fine level, which holds the liver with a margin. */
export function liverBox(scene: Scene): readonly [Point, Point] | null {
  const fine = scene.levels.find((one) => one.name === 'fine')
  const m = fine?.affine_lps
  if (!fine || !m) return null
  const corner = (at: Point): Point => [0, 1, 2].map((row) => (m[row] ?? []).reduce((sum, value, axis) => sum + value * (axis < 3 ? (at[axis] ?? 0) : 1), 0)) as unknown as Point
  return [corner([0, 0, 0]), corner(fine.shape)]
}

/** The same map of whichever version. */
const tail = (url: string): string => url.slice(url.indexOf('/labels/'))

/** A label map; until it is there the same map of the version before, else null. */
export function useLabels(url: string | null): LabelMap | null {
  const [found, setFound] = useState<{ url: string; map: LabelMap } | null>(null)
  useEffect(() => {
    if (!url) return setFound(null)
    let gone = false
    import('../view/labels.ts')
      .then(({ LabelMap }) => LabelMap.load(url))
      .then(
        (map) => !gone && setFound({ url, map }),
        () => !gone && setFound(null),
      )
    return () => {
      gone = true
    }
  }, [url])
  return url && found && tail(found.url) === tail(url) ? found.map : null
}
