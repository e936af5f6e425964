import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { useLoad, useShortcuts } from '../parts/hooks.ts'
import { Limits, type Tried } from '../parts/limits.tsx'
import { ParetoChart } from '../parts/pareto.tsx'
import { SideBySide } from '../parts/planpair.tsx'
import { PlanSlices } from '../parts/planslices.tsx'
import { Banner, Trouble, Waiting } from '../parts/ui.tsx'
import { count, millilitres, number, quantity, sentence } from '../pure/format.ts'
import { link } from '../pure/router.ts'
import type { Certificate, Needle, Plan, Plans, Scene } from '../types.ts'
import type { TabProps } from './case.tsx'

/** The plans: chart, table, two of them side by side, sliders that try other limits, needles. */
export function PlansTab(props: TabProps): JSX.Element {
  const { detail, planned } = props
  const base = `/cases/${detail.id}`
  const plans = useLoad<Plans>(`${base}/results/${planned}/plans.json`)
  const scene = useLoad<Scene>(`${base}/v/${planned}/scene`)
  const needles = useLoad<Needle[]>(`${base}/v/${planned}/needles`)
  const [pair, setPair] = useState<[number, number]>([1, 2])
  const [tried, setTried] = useState<Tried | null>(null)
  const shown: Plans | null = tried?.plans ?? plans.data
  const choose = (n: number): void => setPair((was) => (was[0] === n ? was : [n, was[0]]))
  useShortcuts([
    { key: 'ArrowDown', what: 'next plan', run: () => setPair((was) => [Math.min(was[0] + 1, shown?.plans.length ?? 1), was[1]]) },
    { key: 'ArrowUp', what: 'plan before', run: () => setPair((was) => [Math.max(was[0] - 1, 1), was[1]]) },
    { key: 'v', what: 'change the two plans over', run: () => setPair((was) => [was[1], was[0]]) },
  ])
  const n = shown?.plans[pair[0] - 1] ? pair[0] : 1
  const first = shown?.plans[n - 1]
  if (!plans.data || !shown) return plans.error ? <Trouble error={plans.error} /> : <Waiting what="Reading the plans" />
  return (
    <section class="plans">
      <h2 class="quiet-caption">Plans</h2>
      <Limits id={detail.id} planned={planned} plans={plans.data} onTried={setTried} />
      {tried && <TriedBanner seconds={tried.plans.seconds} planned={planned} />}
      {shown.certificate && <Without certificate={shown.certificate} />}
      {shown.plans.length > 0 ? (
        <div class="choose-and-see">
          <div>
            <ParetoChart plans={shown.plans} chosen={pair} unit={shown.search?.burden_unit ?? 'wedge equivalents'} onChoose={choose} />
            <PlanList plans={shown.plans} pair={pair} onChoose={choose} />
          </div>
          <div>
            {tried && scene.data && first && <PlanSlices id={detail.id} scene={scene.data} tried={tried} plan={first} n={n} />}
            {!tried && scene.data && <SideBySide base={base} version={planned} scene={scene.data} plans={shown.plans} pair={pair} needles={needles.data ?? []} />}
            <PlanTable plans={shown.plans} pair={pair} threshold={shown.threshold?.percent ?? null} />
          </div>
        </div>
      ) : (
        !shown.certificate && <p class="none">No plan was searched or found.</p>
      )}
      {!tried && !!needles.data?.length && <Needles {...props} needles={needles.data} />}
      <Trouble error={scene.error} />
    </section>
  )
}

function TriedBanner({ seconds, planned }: { seconds: number | undefined; planned: number | null }): JSX.Element {
  return (
    <Banner tone="caution">
      <b>Tried out.</b> What you see holds for the limits of the sliders only and is not kept; the plans of version {planned} stand.
      {seconds !== undefined && <span class="stamp"> {seconds.toFixed(1)} s</span>}
    </Banner>
  )
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
                {plan.remnant_percent_standardised === null ? 'standardised not assessed' : `${number(plan.remnant_percent_standardised)} % standardised`}
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
  ['Irradiated', (plan) => millilitres(plan.irradiated_ml)],
  ['Loses inflow', (plan) => millilitres(plan.devascularised_ml)],
  ['Loses outflow', (plan) => millilitres(plan.congested_ml)],
  ['Remnant', (plan) => millilitres(plan.remnant_ml)],
  ['of non-tumour liver', (plan) => `${number(plan.remnant_percent_nontumour)} %`],
  ['standardised', (plan) => quantity(plan.remnant_percent_standardised, '%')],
  ['Segments kept', (plan) => plan.kept_segments.join(' ') || 'none'],
  ['Burden', (plan) => number(plan.burden, 1)],
  ['Radiation', radiation],
  ['Spare margin', (plan) => quantity(plan.spare_margin_mm, 'mm', 1)],
  ['Geometric re-runs', (plan) => (plan.robustness ? `holds in ${plan.robustness.holds} of ${plan.robustness.runs}; not a chance of success` : 'not assessed')],
  ['Search', (plan) => (plan.search_complete ? 'search complete' : 'search ended early')],
]

/** What a plan with radiation rests on. */
function radiation({ radiation: found }: Plan): string {
  if (!found) return 'none'
  const doubtful = found.checks.filter((check) => check.verdict !== 'pass').map((check) => `${check.measure}: ${check.verdict}`)
  return `${found.lesions.join(', ')}; margin ${found.margin}${doubtful.length ? `; ${[...new Set(doubtful)].join('; ')}` : ''}`
}

/** The two chosen plans beside each other, or all of them. */
function PlanTable({ plans, pair, threshold }: { plans: Plan[]; pair: [number, number]; threshold: number | null }): JSX.Element {
  const [all, setAll] = useState(false)
  const numbers = plans.map((_, index) => index + 1)
  const shown = (all ? numbers : pair.filter((n) => n <= plans.length)).flatMap((n) => plans.slice(n - 1, n).map((plan) => ({ n, plan })))
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Plans side by side">
      <table class="plan-table">
        <caption>
          Plans side by side{threshold === null ? '' : `; remnant needed ${threshold} %`}{' '}
          {plans.length > 2 && (
            <button type="button" aria-pressed={all} onClick={() => setAll(!all)}>
              All {plans.length} plans
            </button>
          )}
        </caption>
        <thead>
          <tr>
            <td></td>
            {shown.map(({ n }) => (
              <th key={n} scope="col" class={pair.includes(n) ? 'chosen' : ''}>
                Plan {n}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Acts</th>
            {shown.map(({ n, plan }) => (
              <td key={n}>
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
              {shown.map(({ n, plan }) => (
                <td key={n}>{show(plan)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
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
