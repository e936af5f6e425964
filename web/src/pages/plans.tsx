import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { ApiError, post } from '../api.ts'
import { ParetoChart } from '../parts/pareto.tsx'
import { useLoad, useShortcuts, useStill } from '../parts/hooks.ts'
import { SolidView } from '../parts/solidview.tsx'
import { Banner, Slider, Swatch, Trouble, Waiting } from '../parts/ui.tsx'
import { count, millilitres, number, quantity, sentence } from '../pure/format.ts'
import { rod } from '../pure/needle.ts'
import { link } from '../pure/router.ts'
import type { Certificate, Needle, Plan, Plans, Scene, ScenePlan } from '../types.ts'
import type { Part, Solid } from '../view/solid.ts'
import type { TabProps } from './case.tsx'

const WAIT_MS = 300
const AGAIN_MS = 700
const NEEDLE_RADIUS_MM = 1.2

interface Tried {
  margin_mm: number
  remnant_percent: number
}

/** The plans: chart, table, two of them side by side, sliders that try other limits, needles. */
export function PlansTab(props: TabProps): JSX.Element {
  const { detail, planned } = props
  const base = `/cases/${detail.id}`
  const plans = useLoad<Plans>(`${base}/results/${planned}/plans.json`)
  const scene = useLoad<Scene>(`${base}/v/${planned}/scene`)
  const needles = useLoad<Needle[]>(`${base}/v/${planned}/needles`)
  const [pair, setPair] = useState<[number, number]>([1, 2])
  const [tried, setTried] = useState<Plans | null>(null)
  const shown = tried ?? plans.data
  const choose = (n: number): void => setPair((was) => (was[0] === n ? was : [n, was[0]]))
  useShortcuts([
    { key: 'ArrowDown', what: 'next plan', run: () => setPair((was) => [Math.min(was[0] + 1, shown?.plans.length ?? 1), was[1]]) },
    { key: 'ArrowUp', what: 'plan before', run: () => setPair((was) => [Math.max(was[0] - 1, 1), was[1]]) },
    { key: 'v', what: 'change the two plans over', run: () => setPair((was) => [was[1], was[0]]) },
  ])
  if (!plans.data || !shown) return plans.error ? <Trouble error={plans.error} /> : <Waiting what="Reading the plans" />
  return (
    <section class="plans">
      <h2 class="quiet-caption">Plans</h2>
      <Sliders {...props} plans={plans.data} tried={tried} onTried={setTried} />
      {tried && <TriedBanner tried={tried} planned={planned} />}
      {shown.certificate && <Without certificate={shown.certificate} />}
      {shown.plans.length > 0 ? (
        <>
          <div class="chart-and-list">
            <ParetoChart plans={shown.plans} chosen={pair} unit={shown.search?.burden_unit ?? 'wedge equivalents'} onChoose={choose} />
            <PlanList plans={shown.plans} pair={pair} onChoose={choose} />
          </div>
          <PlanTable plans={shown.plans} pair={pair} threshold={shown.threshold?.percent ?? null} />
        </>
      ) : (
        !shown.certificate && <p class="none">No plan was searched or found.</p>
      )}
      {!tried && scene.data && shown.plans.length > 0 && (
        <SideBySide base={base} version={planned} scene={scene.data} plans={shown.plans} pair={pair} needles={needles.data ?? []} />
      )}
      {!tried && !!needles.data?.length && <Needles {...props} needles={needles.data} />}
      <Trouble error={scene.error} />
    </section>
  )
}

function TriedBanner({ tried, planned }: { tried: Plans; planned: number | null }): JSX.Element {
  return (
    <Banner tone="caution">
      <b>Tried out.</b> What you see holds for the limits of the sliders only and is not kept; the plans of version {planned} stand.
      {tried.seconds !== undefined && <span class="stamp"> {tried.seconds.toFixed(1)} s</span>}
    </Banner>
  )
}

function Sliders(props: TabProps & { plans: Plans; tried: Plans | null; onTried: (plans: Plans | null) => void }): JSX.Element {
  const { detail, planned, plans, onTried } = props
  const own: Tried = { margin_mm: Number(plans.settings?.['resection_margin_mm'] ?? 5), remnant_percent: plans.threshold?.percent ?? 30 }
  const [wanted, setWanted] = useState<Tried>(own)
  const [busy, setBusy] = useState('')
  const [error, setError] = useState<unknown>(null)
  const still = useStill(wanted, WAIT_MS)
  const same = still.margin_mm === own.margin_mm && still.remnant_percent === own.remnant_percent
  useEffect(() => {
    setError(null)
    if (same) return onTried(null)
    const stop = new AbortController()
    const ask = async (): Promise<void> => {
      setBusy('Computing …')
      const found = await untilReady(detail.id, { version: planned, ...changed(own, still) }, stop.signal, setBusy)
      if (found && !stop.signal.aborted) onTried({ ...found, threshold: { percent: still.remnant_percent, of: plans.threshold?.of ?? [], source: '' } })
    }
    ask()
      .catch((failed: unknown) => !stop.signal.aborted && setError(failed))
      .finally(() => !stop.signal.aborted && setBusy(''))
    return () => {
      stop.abort()
      setBusy('')
    }
  }, [still.margin_mm, still.remnant_percent, same, planned])
  return (
    <div class="sliders" aria-busy={busy !== ''}>
      <Slider label="Margin" words={`${wanted.margin_mm} mm`} value={wanted.margin_mm} low={1} high={15} onChange={(margin_mm) => setWanted({ ...wanted, margin_mm })} />
      <Slider
        label="Remnant at least"
        words={`${wanted.remnant_percent} %`}
        value={wanted.remnant_percent}
        low={15}
        high={60}
        onChange={(remnant_percent) => setWanted({ ...wanted, remnant_percent })}
      />
      <button type="button" disabled={same} onClick={() => setWanted(own)}>
        Back to the plans
      </button>
      <span class="stamp" role="status">
        {busy}
      </span>
      <Trouble error={error} />
    </div>
  )
}

/** Ask for plans under other limits; while the server makes the case ready it says so, and is asked again. */
async function untilReady(id: string, body: object, signal: AbortSignal, tell: (words: string) => void): Promise<Plans | null> {
  while (!signal.aborted) {
    const found = await post<Plans & { words?: string; share?: number }>(`/cases/${id}/replan`, body, signal).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 429) return null
      throw error
    })
    if (found && found.prepared !== false) return found
    tell(`The case is being made ready: ${found?.words ?? 'waiting'}${found?.share ? `, ${Math.round(100 * found.share)} %` : ''} …`)
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
  }
  return null
}

/** Only what differs from the plans' own limits. */
function changed(own: Tried, wanted: Tried): Partial<Tried> {
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => value !== own[key as keyof Tried]))
}

/** Why there is no plan, and what single change would make one possible. */
function Without({ certificate }: { certificate: Certificate }): JSX.Element {
  return (
    <section class="answer tone-none">
      <p class="sentence">{certificate.reason}</p>
      {certificate.binding_text && <p>{certificate.binding_text}</p>}
      {!!certificate.relaxations?.length && (
        <div class="scroll">
          <table>
            <caption>What would change it, each eased alone</caption>
            <tbody>
              {certificate.relaxations.map((one) => (
                <tr key={one.label}>
                  <th scope="row">{sentence(one.label)}</th>
                  <td>{one.outcome}</td>
                  <td>{one.text}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}

function PlanList({ plans, pair, onChoose }: { plans: Plan[]; pair: [number, number]; onChoose: (n: number) => void }): JSX.Element {
  return (
    <ol class="plan-list">
      {plans.map((plan, index) => {
        const place = pair.indexOf(index + 1)
        return (
          <li key={index}>
            <button type="button" aria-pressed={place === 0} class={place >= 0 ? `in-pair place-${place}` : ''} onClick={() => onChoose(index + 1)}>
              <b>{index + 1}</b> {sentence(plan.name)}
              <span class="stamp">
                {millilitres(plan.lost_nontumour_ml)} lost, remnant {number(plan.remnant_percent_nontumour)} % of non-tumour liver,{' '}
                {quantity(plan.remnant_percent_standardised, '% standardised')}
              </span>
            </button>
          </li>
        )
      })}
    </ol>
  )
}

const ROWS: readonly (readonly [string, (plan: Plan) => string])[] = [
  ['Treats', (plan) => Object.keys(plan.clears).join(', ') || 'none'],
  ['Leaves', (plan) => plan.left.join(', ') || 'none'],
  ['Removed', (plan) => millilitres(plan.removed_ml)],
  ['Ablated', (plan) => millilitres(plan.destroyed_ml)],
  ['Loses inflow', (plan) => millilitres(plan.devascularised_ml)],
  ['Loses outflow', (plan) => millilitres(plan.congested_ml)],
  ['Remnant', (plan) => millilitres(plan.remnant_ml)],
  ['of non-tumour liver', (plan) => `${number(plan.remnant_percent_nontumour)} %`],
  ['standardised', (plan) => quantity(plan.remnant_percent_standardised, '%')],
  ['Segments kept', (plan) => plan.kept_segments.join(' ') || 'none'],
  ['Burden', (plan) => number(plan.burden, 1)],
  ['Spare margin', (plan) => quantity(plan.spare_margin_mm, 'mm', 1)],
  ['Geometric re-runs', (plan) => (plan.robustness ? `holds in ${plan.robustness.holds} of ${plan.robustness.runs}; not a chance of success` : 'not assessed')],
  ['Search', (plan) => (plan.search_complete ? 'search complete' : 'search ended early')],
]

function PlanTable({ plans, pair, threshold }: { plans: Plan[]; pair: [number, number]; threshold: number | null }): JSX.Element {
  return (
    <div class="scroll">
      <table class="plan-table">
        <caption>
          Plans side by side{threshold === null ? '' : `; remnant needed ${threshold} %`}
        </caption>
        <thead>
          <tr>
            <td></td>
            {plans.map((_, index) => (
              <th key={index} scope="col" class={pair.includes(index + 1) ? 'chosen' : ''}>
                Plan {index + 1}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Acts</th>
            {plans.map((plan, index) => (
              <td key={index}>
                <ul class="acts">
                  {plan.actions.map((act) => (
                    <li key={act.candidate}>
                      {sentence(act.label)} for {act.lesions.join(', ')}
                      {act.margin_mm === null ? '' : `, margin ${act.margin_mm.toFixed(1)} mm`}
                    </li>
                  ))}
                </ul>
              </td>
            ))}
          </tr>
          {ROWS.map(([label, show]) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              {plans.map((plan, index) => (
                <td key={index}>{show(plan)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** How much of each part of a plan is seen through; what loses inflow or outflow is shown on the slices only. */
const OPACITY: Record<string, number> = { kept: 0.22, removed: 0.75, destroyed: 0.85, irradiated: 0.5 }

function shownParts(scene: Scene, n: number): NonNullable<ScenePlan['parts']> {
  return (scene.plans.find((one) => one.n === n)?.parts ?? []).filter(({ part }) => part in OPACITY)
}

/** Surfaces of one plan: what stays, what goes, vessels and lesions, and the needles it uses. */
export function planParts(base: string, version: number | null, scene: Scene, n: number, needles: readonly Needle[]): Part[] {
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

function SideBySide(props: { base: string; version: number | null; scene: Scene; plans: Plan[]; pair: [number, number]; needles: Needle[] }): JSX.Element {
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
        <span class="legend">
          {shownParts(scene, n).map(({ key, name, colour }) => (
            <span key={key}>
              <Swatch colour={colour} /> {name}
            </span>
          ))}
        </span>
      </figcaption>
    </figure>
  )
}

function Needles({ detail, planned, needles }: TabProps & { needles: Needle[] }): JSX.Element {
  const used = needles.filter((needle) => needle.plans?.length)
  const further = needles.filter((needle) => !needle.plans?.length)
  return (
    <section>
      <h3>Needles</h3>
      <ul class="needles">
        {used.map((needle, index) => (
          <li key={index}>
            {needle.text} <span class="stamp">Used by plan {needle.plans?.join(', ')}.</span>
          </li>
        ))}
      </ul>
      <p>
        <a href={link({ page: 'case', id: detail.id, tab: 'viewer', version: planned === detail.newest ? null : planned })}>On the slices: the viewer’s button “Needles”</a>
      </p>
      {further.length > 0 && (
        <details class="notices">
          <summary>{count(further.length, 'further way')}</summary>
          <ul class="needles">
            {further.map((needle, index) => (
              <li key={index}>{needle.text}</li>
            ))}
          </ul>
        </details>
      )}
    </section>
  )
}
