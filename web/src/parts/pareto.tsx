import type { JSX } from 'preact'
import { ticks } from '../pure/ticks.ts'
import type { Plan } from '../types.ts'

const WIDTH = 440
const HEIGHT = 370
const LEFT = 64
const FOOT = 62
const TOP = 58
const RIGHT = 20
/** Spare margin in mm from which a class begins; the darker, the less is spare. */
const CLASSES = [6, 4, 2, 1] as const

/** The class of a spare margin, 0 for the most room. */
export function spareClass(spare_mm: number | null): number {
  const at = CLASSES.findIndex((from) => (spare_mm ?? -1) >= from)
  return at < 0 ? CLASSES.length : at
}

/** Burden against working liver lost: each plan is the best in something. */
export function ParetoChart(props: { plans: readonly Plan[]; chosen: readonly number[]; unit: string; onChoose: (n: number) => void }): JSX.Element {
  const { plans, chosen, unit, onChoose } = props
  const lost = plans.map((plan) => plan.lost_nontumour_ml)
  const burdens = plans.map((plan) => plan.burden)
  const across = ticks(Math.min(...lost), Math.max(...lost))
  const up = ticks(Math.min(...burdens), Math.max(...burdens))
  const [x0, x1] = [across[0] ?? 0, across.at(-1) ?? 1]
  const [y0, y1] = [up[0] ?? 0, up.at(-1) ?? 1]
  const x = (value: number): number => LEFT + ((value - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT)
  const y = (value: number): number => HEIGHT - FOOT - ((value - y0) / (y1 - y0)) * (HEIGHT - FOOT - TOP)
  return (
    <figure class="pareto">
      <svg class="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label="Plans by burden and working liver lost">
        <text x={4} y={20}>
          burden, {unit}
        </text>
        <text x={WIDTH - RIGHT} y={HEIGHT - 8} text-anchor="end">
          working liver lost, mL
        </text>
        {across.map((mark) => (
          <g key={`x${mark}`}>
            <line class="grid" x1={x(mark)} x2={x(mark)} y1={TOP} y2={HEIGHT - FOOT} />
            <text x={x(mark)} y={HEIGHT - FOOT + 22} text-anchor="middle">
              {mark}
            </text>
          </g>
        ))}
        {up.map((mark) => (
          <g key={`y${mark}`}>
            <line class="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={y(mark)} y2={y(mark)} />
            <text x={LEFT - 10} y={y(mark) + 5} text-anchor="end">
              {mark}
            </text>
          </g>
        ))}
        {plans.map((plan, index) => {
          const n = index + 1
          const spare = spareClass(plan.spare_margin_mm)
          return (
            <g
              key={n}
              class={`point spare-${spare}${chosen.includes(n) ? ' chosen' : ''}`}
              role="button"
              tabIndex={0}
              aria-pressed={chosen[0] === n}
              aria-label={`Plan ${n}: ${plan.lost_nontumour_ml.toFixed(0)} mL lost, burden ${plan.burden}`}
              onClick={() => onChoose(n)}
              onKeyDown={(event) => {
                if (event.key !== 'Enter' && event.key !== ' ') return
                event.preventDefault()
                onChoose(n)
              }}
            >
              <circle cx={x(plan.lost_nontumour_ml)} cy={y(plan.burden)} r={chosen.includes(n) ? 21 : 16} />
              <text x={x(plan.lost_nontumour_ml)} y={y(plan.burden) + 6} text-anchor="middle">
                {n}
              </text>
            </g>
          )
        })}
      </svg>
      <figcaption class="key">
        spare margin, mm:
        {[4, 3, 2, 1, 0].map((at) => (
          <span key={at}>
            <span class={`dot spare-${at}`} /> {at === CLASSES.length ? `< ${CLASSES.at(-1)}` : `≥ ${CLASSES[at]}`}
          </span>
        ))}
      </figcaption>
    </figure>
  )
}
