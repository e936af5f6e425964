import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { plain, words } from '../pure/format.ts'
import type { Rule, Source, SourceRecord } from '../types.ts'
import { useLoad, useShortcuts } from './hooks.ts'
import { Trouble, Waiting } from './ui.tsx'

/** A panel at the side; Escape closes it, and the focus goes back to where it came from. */
export function Panel({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }): JSX.Element {
  const box = useRef<HTMLElement>(null)
  const from = useRef(document.activeElement as HTMLElement | null)
  useEffect(() => {
    box.current?.focus()
    return () => from.current?.focus()
  }, [])
  useShortcuts([{ key: 'Escape', what: 'close the panel', run: onClose }])
  return (
    <aside class="panel" ref={box} tabIndex={-1} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <button type="button" class="quiet" aria-label="Close the panel" onClick={onClose}>
          ✕
        </button>
      </header>
      {children}
    </aside>
  )
}

const STANDING_WORDS: Record<string, string> = { current: 'current', superseded: 'superseded', retracted: 'retracted', unsupported: 'not supported by what was found' }

/** A source in one line: title, year, identifiers as text (no address is opened from here). */
export function SourceLine({ source }: { source: Source }): JSX.Element {
  return (
    <span class="source-line">
      {source.title}
      {source.year ? `, ${source.year}` : ''}
      {source.doi ? `, doi ${source.doi}` : ''}
      {source.pmid ? `, PMID ${source.pmid}` : ''}
      {source.standing && source.standing !== 'current' ? ` (${STANDING_WORDS[source.standing] ?? source.standing})` : ''}
    </span>
  )
}

/** A rule as it is kept, with its sources. */
export function RuleView({ id }: { id: string }): JSX.Element {
  const rule = useLoad<Rule>(`/knowledge/rules/${encodeURIComponent(id)}`)
  if (rule.error) return <Trouble error={rule.error} />
  if (!rule.data) return <Waiting what="Reading the rule" />
  const found = rule.data
  return (
    <div class="rule">
      <h3>{found.title ?? words(found.id)}</h3>
      <p>{found.paraphrase}</p>
      <p class={found.status === 'verified' ? 'stamp' : 'gap'}>
        {found.status === 'verified' ? 'Checked against its source.' : 'Not checked against its source: it can make no treatment suitable.'} Rule {found.id}.
      </p>
      {!!found.rows?.length && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Then</th>
              </tr>
            </thead>
            <tbody>
              {found.rows.map((row, index) => (
                <tr key={index}>
                  <td>
                    <code>{row.when}</code>
                  </td>
                  <td>
                    {row.effect && <b>{verdictWords(row.effect)}. </b>}
                    {row.text}
                    {row.value !== null && row.value !== undefined && row.value !== '' ? ` (${plain(row.value)}${row.unit ? ` ${row.unit}` : ''})` : ''}
                    {row.locator && <span class="stamp"> {row.locator}</span>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {!!found.exceptions?.length && (
        <>
          <h4>Except</h4>
          <ul>
            {found.exceptions.map((one, index) => (
              <li key={index}>
                {one.text} <code>{one.when}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      {!!found.facts?.length && <p>Looks at: {found.facts.map((fact) => fact.title).join('; ')}.</p>}
      {!!found.sources?.length && <h4>Sources</h4>}
      {found.sources?.map((source) => (
        <SourceView key={source.id} source={source} />
      ))}
      {found.text && (
        <details>
          <summary>The rule as it is written</summary>
          <pre class="code">{found.text}</pre>
        </details>
      )}
    </div>
  )
}

/** The record of a source. */
export function SourceView({ source }: { source: SourceRecord }): JSX.Element {
  return (
    <article class="source">
      <p>{source.citation ?? <SourceLine source={source} />}</p>
      <dl class="facts-list">
        {(['standing', 'population', 'endpoint', 'doi', 'pmid', 'url', 'note'] as const).map((key) =>
          source[key] ? (
            <div key={key}>
              <dt>{key === 'doi' || key === 'pmid' ? key.toUpperCase() : words(key)}</dt>
              <dd>{plain(source[key])}</dd>
            </div>
          ) : null,
        )}
      </dl>
      {!!source.numbers?.length && (
        <ul class="numbers">
          {source.numbers.map((entry, index) => (
            <li key={index}>
              {entry.says} <b>{entry.values.join(', ')}</b> <span class="stamp">{entry.locator}</span>
            </li>
          ))}
        </ul>
      )}
    </article>
  )
}

export const MARKS: Record<string, string> = { eligible: '✓', relative: '~', contraindicated: '✕', undetermined: '?' }

/** A verdict as the dossier names it. */
export function verdictWords(verdict: string): string {
  return words(verdict)
}

/** A verdict as a mark and a word, never by colour alone. */
export function Verdict({ verdict }: { verdict: string }): JSX.Element {
  return (
    <span class={`verdict ${verdict}`}>
      <span aria-hidden="true">{MARKS[verdict] ?? '·'}</span> {verdictWords(verdict)}
    </span>
  )
}
