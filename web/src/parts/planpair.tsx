import type { JSX } from 'preact'
import { useMemo, useRef } from 'preact/hooks'
import { sentence } from '../pure/format.ts'
import { rod } from '../pure/needle.ts'
import type { Needle, Plan, PlanPart, Scene } from '../types.ts'
import type { Part, Solid } from '../view/solid.ts'
import { SolidView } from './solidview.tsx'
import { Legend } from './ui.tsx'

const NEEDLE_RADIUS_MM = 1.2
/** How much of each part of a plan is seen through; what loses inflow or outflow is shown on the slices only. */
const OPACITY: Record<string, number> = { kept: 0.34, removed: 0.75, destroyed: 0.85, irradiated: 0.5 }

function shownParts(scene: Scene, n: number): PlanPart[] {
  return (scene.plans.find((one) => one.n === n)?.parts ?? []).filter(({ part }) => part in OPACITY)
}

/** Surfaces of one plan: what stays, what goes, vessels and lesions, and the needles it uses. */
function planParts(base: string, version: number | null, scene: Scene, n: number, needles: readonly Needle[]): Part[] {
  const at = `/api${base}/v/${version}/mesh`
  const own = shownParts(scene, n).map(({ key, part, colour }) => ({ key, url: `${at}/${key}.mz3`, colour, opacity: OPACITY[part] ?? 0.5 }))
  const anatomy = scene.structures
    .filter((one) => one.mesh && ['lesion', 'portal', 'hepatic', 'cava'].includes(one.kind))
    .map((one) => ({ key: one.key, url: `${at}/${one.key}.mz3`, colour: one.colour, opacity: 1 }))
  const rods = needles
    .filter((needle) => needle.plans?.includes(n))
    .map((needle, index) => ({
      key: `needle-${n}-${index}`,
      url: `needle-${n}-${index}.mz3`,
      data: rod(needle.entry_lps, needle.tip_lps, NEEDLE_RADIUS_MM),
      colour: '#e6eaed',
      opacity: 1,
    }))
  // what is seen through comes last, so that it lies over what is behind it
  return [...anatomy, ...rods, ...own.reverse()]
}

/** Two plans in three dimensions that turn together. */
export function SideBySide(props: { base: string; version: number | null; scene: Scene; plans: Plan[]; pair: [number, number]; needles: Needle[] }): JSX.Element {
  const { base, version, scene, plans, needles } = props
  const pair = plans.length > 1 ? props.pair : [1]
  const views = useRef<(Solid | null)[]>([null, null])
  const couple = (place: number, view: Solid | null): void => {
    views.current[place] = view
    const [one, two] = views.current
    if (one && two) {
      one.lead([two])
      two.lead([one])
    }
  }
  return (
    <div class="pair">
      {pair.map((n, place) => {
        const plan = plans[n - 1]
        if (!plan) return null
        return <PlanPicture key={place} {...{ base, version, scene, plan, n, needles }} onReady={(view) => couple(place, view)} />
      })}
    </div>
  )
}

function PlanPicture(props: {
  base: string
  version: number | null
  scene: Scene
  plan: Plan
  n: number
  needles: Needle[]
  onReady: (view: Solid | null) => void
}): JSX.Element {
  const { base, version, scene, plan, n, needles } = props
  const parts = useMemo(() => planParts(base, version, scene, n, needles), [base, version, scene, n, needles])
  return (
    <figure>
      <SolidView parts={parts} label={`Plan ${n}`} onReady={props.onReady} />
      <figcaption>
        <b>Plan {n}.</b> {sentence(plan.name)}.{' '}
        <Legend parts={shownParts(scene, n)} />
      </figcaption>
    </figure>
  )
}
