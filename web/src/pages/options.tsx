import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { useLoad } from '../parts/hooks.ts'
import { MARKS, Panel, RuleView, SourceLine, Verdict, verdictWords } from '../parts/panel.tsx'
import { Choice, Trouble, Waiting } from '../parts/ui.tsx'
import { plain, words } from '../pure/format.ts'
import type { Change, OptionRow, Reason, Reasons } from '../types.ts'
import type { TabProps } from './case.tsx'

type Shown = { kind: 'option'; row: OptionRow; source: string | null } | { kind: 'rule'; id: string; back: OptionRow | null }
type Filter = 'all' | 'eligible' | 'relative' | 'undetermined' | 'contraindicated'
const FILTERS: readonly (readonly [Filter, string])[] = [
  ['all', 'All'],
  ['eligible', 'Eligible'],
  ['relative', 'Relative'],
  ['undetermined', 'Undetermined'],
  ['contraindicated', 'Contraindicated'],
]
/** Sources with a column of their own; the others are named in the panel. */
const COLUMNS = 24

/** Every treatment against every source, with the reasons behind each cell. */
export function OptionsTab({ detail, planned }: TabProps): JSX.Element {
  const loaded = useLoad<Reasons>(`/cases/${detail.id}/v/${planned}/reasons`)
  const [shown, setShown] = useState<Shown | null>(null)
  const [filter, setFilter] = useState<Filter>('all')
  const data = loaded.data
  if (!data) return loaded.error ? <Trouble error={loaded.error} /> : <Waiting what="Reading options and reasons" />
  const rows = data.options.filter((row) => filter === 'all' || row.verdict === filter)
  return (
    <section class={shown ? 'with-panel' : ''}>
      <div>
        <h2>Options and reasons</h2>
        <p class="lead">What each source says of each treatment. Technically possible is not indicated; sources that disagree are shown side by side.</p>
        <Choice label="Which treatments" value={filter} options={FILTERS} onChange={setFilter} />
        <Matrix data={data} rows={rows} onOpen={(row, source) => setShown({ kind: 'option', row, source })} />
        {!!data.missing?.length && <Missing list={data.missing} options={data.options} />}
      </div>
      {shown?.kind === 'option' && (
        <Panel key={shown.row.option} title={shown.row.title} onClose={() => setShown(null)}>
          <OptionPanel row={shown.row} source={shown.source} data={data} onRule={(id) => setShown({ kind: 'rule', id, back: shown.row })} />
        </Panel>
      )}
      {shown?.kind === 'rule' && (
        <Panel key={shown.id} title="Rule and source" onClose={() => setShown(null)}>
          {shown.back && (
            <button type="button" class="quiet" onClick={() => shown.back && setShown({ kind: 'option', row: shown.back, source: null })}>
              ← {shown.back.title}
            </button>
          )}
          <RuleView id={shown.id} />
        </Panel>
      )}
    </section>
  )
}

/** A short name for a column: the source's id without dashes, its full title on hover and for screen readers. */
function Matrix({ data, rows, onOpen }: { data: Reasons; rows: OptionRow[]; onOpen: (row: OptionRow, source: string | null) => void }): JSX.Element {
  const columns = data.columns.slice(0, COLUMNS)
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Treatments by sources">
      <table class="matrix">
        <caption class="quiet-caption">Verdict of each source on each treatment</caption>
        <thead>
          <tr>
            <th scope="col">Treatment</th>
            <th scope="col">Verdict</th>
            {columns.map((id) => (
              <th key={id} scope="col" class="slanted" title={data.sources[id]?.title ?? id}>
                <span>{words(id)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.option}>
              <th scope="row">
                <button type="button" class="linkish" onClick={() => onOpen(row, null)}>
                  {row.title}
                </button>
                {!!row.conflicts?.length && <span class="gap"> sources disagree</span>}
              </th>
              <td>
                <Verdict verdict={row.verdict} />
              </td>
              {columns.map((id) => {
                const verdict = row.by_source?.[id]
                return (
                  <td key={id} class="cell">
                    {verdict ? (
                      <button
                        type="button"
                        class={`mark ${verdict}`}
                        aria-label={`${row.title}: ${data.sources[id]?.title ?? id} says ${verdictWords(verdict)}`}
                        title={`${data.sources[id]?.title ?? id}: ${verdictWords(verdict)}`}
                        onClick={() => onOpen(row, id)}
                      >
                        {MARKS[verdict] ?? '·'}
                      </button>
                    ) : null}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="key">
        {Object.entries(MARKS).map(([verdict, mark]) => (
          <span key={verdict} class={`verdict ${verdict}`}>
            {mark} {verdict}
          </span>
        ))}
        {data.columns.length > COLUMNS && <span>{data.columns.length - COLUMNS} further sources are named in the reasons of each treatment.</span>}
      </p>
    </div>
  )
}

function OptionPanel(props: { row: OptionRow; source: string | null; data: Reasons; onRule: (id: string) => void }): JSX.Element {
  const { row, source, data, onRule } = props
  const first = source ? row.reasons.filter((reason) => reason.source?.id === source) : row.reasons
  const rest = source ? row.reasons.filter((reason) => reason.source?.id !== source) : []
  return (
    <>
      <p>
        <Verdict verdict={row.verdict} />
      </p>
      {row.why && <p>{row.why}</p>}
      {row.plain && <p class="stamp">{row.plain}</p>}
      {row.conflicts?.map((conflict, index) => (
        <p key={index} class="gap">
          {conflict.text}
        </p>
      ))}
      <Changes list={row.counterfactual} />
      {source && <h3>{data.sources[source]?.title ?? source}</h3>}
      {first.map((reason, index) => (
        <ReasonView key={index} reason={reason} onRule={onRule} />
      ))}
      {rest.length > 0 && <h3>Other reasons</h3>}
      {rest.map((reason, index) => (
        <ReasonView key={index} reason={reason} onRule={onRule} />
      ))}
      {!!row.lesions?.length && (
        <>
          <h3>By lesion</h3>
          <ul class="by-lesion">
            {row.lesions.map((one) => (
              <li key={one.lesion}>
                <b>{one.lesion}</b> <Verdict verdict={one.verdict} /> {one.why}
                {one.reasons?.map((reason, index) => (
                  <ReasonView key={index} reason={reason} onRule={onRule} />
                ))}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  )
}

function ReasonView({ reason, onRule }: { reason: Reason; onRule: (id: string) => void }): JSX.Element {
  return (
    <article class="reason">
      <p>
        <Verdict verdict={reason.verdict} />
        {reason.status === 'unverified' && <span class="gap"> not checked against its source</span>}
      </p>
      <p>{reason.text}</p>
      {!!reason.inputs?.length && (
        <p class="stamp">
          From:{' '}
          {reason.inputs
            .map((input) => `${input.title ?? input.fact}: ${input.unknown ? `not known (${input.unknown})` : plain(input.value)}${input.unit && !input.unknown ? ` ${input.unit}` : ''}`)
            .join('; ')}
        </p>
      )}
      <Changes list={reason.counterfactual} />
      {reason.source && (
        <p class="stamp">
          <SourceLine source={reason.source} />
          {reason.locator ? `: ${reason.locator}` : ''}
        </p>
      )}
      <button type="button" onClick={() => onRule(reason.rule)}>
        Rule and source
      </button>
    </article>
  )
}

function Changes({ list }: { list: Change[] | undefined }): JSX.Element | null {
  if (!list?.length) return null
  return (
    <ul class="changes">
      {list.map((change, index) => (
        <li key={index}>
          <b>{verdictWords(change.verdict)}</b> if {change.text}
        </li>
      ))}
    </ul>
  )
}

function Missing({ list, options }: { list: NonNullable<Reasons['missing']>; options: OptionRow[] }): JSX.Element {
  const title = (id: string): string => options.find((row) => row.option === id)?.title ?? words(id)
  return (
    <details class="notices">
      <summary>Facts that would decide most ({list.length} missing)</summary>
      <ul>
        {list.slice(0, 20).map((gap) => (
          <li key={gap.fact}>
            <b>{gap.title}</b>
            {gap.decides?.length ? ` decides: ${gap.decides.map(title).join(', ')}` : ''}
          </li>
        ))}
      </ul>
    </details>
  )
}
