import type { JSX } from 'preact'
import { useLoad } from '../parts/hooks.ts'
import { Trouble, Waiting } from '../parts/ui.tsx'
import { number, quantity, words } from '../pure/format.ts'
import { ticks } from '../pure/ticks.ts'
import type { Timeline } from '../types.ts'
import type { TabProps } from './case.tsx'

/** Size of every lesion over the scans, with treatments between them. */
export function TimelineTab({ detail, planned }: TabProps): JSX.Element {
  const line = useLoad<Timeline | null>(`/cases/${detail.id}/v/${planned}/timeline`)
  if (line.error) return <Trouble error={line.error} />
  if (line.busy) return <Waiting what="Reading the timeline" />
  const scans = line.data?.scans ?? []
  const lesions = line.data?.lesions ?? []
  const events = line.data?.events ?? []
  return (
    <section>
      <h2>Timeline</h2>
      {scans.length < 2 && <p class="none">There is one scan only: growth and response are not assessed.</p>}
      {lesions.some((lesion) => lesion.points.length > 1) && <Curves lesions={lesions} />}
      {lesions.length > 0 && scans.length > 0 && (
        <div class="scroll">
          <table>
            <caption>Longest axial diameter, mm</caption>
            <thead>
              <tr>
                <th scope="col">Lesion</th>
                {scans.map((scan) => (
                  <th key={scan.date} scope="col">
                    {scan.date}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {lesions.map((lesion) => (
                <tr key={lesion.id}>
                  <th scope="row">{lesion.name ?? lesion.id}</th>
                  {scans.map((scan) => {
                    const point = lesion.points.find((one) => one.date === scan.date)
                    return <td key={scan.date}>{point ? `${number(point.long_mm, 1)}${point.state ? ` (${words(point.state)})` : ''}` : 'not seen'}</td>
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {!!line.data?.treatments?.length && (
        <>
          <h3>Treatments</h3>
          <ul class="files">
            {line.data.treatments.map((one, index) => (
              <li key={index}>
                {words(one.kind)}
                {one.name ? `: ${one.name}` : ''}, {one.start ?? 'start not known'} to {one.ongoing ? 'now' : (one.stop ?? 'end not known')}
                {one.response ? `; response: ${words(one.response)}` : ''}
              </li>
            ))}
          </ul>
        </>
      )}
      {!!line.data?.due?.length && (
        <>
          <h3>Next scans, by each source</h3>
          <ul class="files">
            {line.data.due.map((one, index) => (
              <li key={index}>
                {one.earliest} to {one.latest} ({words(one.state)}) after {words(one.after)} <span class="stamp">{words(one.source)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {events.length > 0 && <h3>Events</h3>}
      {events.length > 0 && (
        <ol class="events">
          {[...events].sort((a, b) => a.date.localeCompare(b.date)).map((event, index) => (
            <li key={index}>
              <time>{event.date}</time> {event.text}
            </li>
          ))}
        </ol>
      )}
      {line.data?.notes?.map((note) => (
        <p key={note} class="note">
          {note}
        </p>
      ))}
    </section>
  )
}

const WIDTH = 900
const HEIGHT = 340
const LEFT = 70
const RIGHT = 90
const FOOT = 46

function Curves({ lesions }: { lesions: NonNullable<Timeline['lesions']> }): JSX.Element {
  const points = lesions.flatMap((lesion) => lesion.points.filter((point) => point.long_mm !== null))
  const dates = points.map((point) => Date.parse(point.date)).filter((time) => !Number.isNaN(time))
  const [first, last] = [Math.min(...dates), Math.max(...dates)]
  const marks = ticks(0, Math.max(...points.map((point) => point.long_mm ?? 0)))
  const top = marks.at(-1) ?? 1
  const x = (date: string): number => LEFT + ((Date.parse(date) - first) / Math.max(1, last - first)) * (WIDTH - LEFT - RIGHT)
  const y = (value: number): number => HEIGHT - FOOT - (value / top) * (HEIGHT - FOOT - 16)
  return (
    <svg class="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label="Longest axial diameter of each lesion over time; the numbers are in the table below">
      {marks.map((mark) => (
        <g key={mark}>
          <line class="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={y(mark)} y2={y(mark)} />
          <text x={LEFT - 10} y={y(mark) + 5} text-anchor="end">
            {quantity(mark, 'mm')}
          </text>
        </g>
      ))}
      {[...new Set(points.map((point) => point.date))].map((date) => (
        <text key={date} x={x(date)} y={HEIGHT - 14} text-anchor="middle">
          {date}
        </text>
      ))}
      {lesions.map((lesion) => {
        const seen = lesion.points.filter((point) => point.long_mm !== null)
        const end = seen.at(-1)
        return (
          <g key={lesion.id} class="curve">
            <polyline points={seen.map((point) => `${x(point.date)},${y(point.long_mm ?? 0)}`).join(' ')} />
            {seen.map((point) => (
              <circle key={point.date} cx={x(point.date)} cy={y(point.long_mm ?? 0)} r={5} />
            ))}
            {end && (
              <text x={x(end.date) + 12} y={y(end.long_mm ?? 0) + 5}>
                {lesion.name ?? lesion.id}
              </text>
            )}
          </g>
        )
      })}
    </svg>
  )
}
