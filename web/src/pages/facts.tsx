import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, put } from '../api.ts'
import { useLoad } from '../parts/hooks.ts'
import { Banner, Field, Problems, Trouble, Waiting } from '../parts/ui.tsx'
import { byLine } from '../pure/yaml.ts'
import type { Facts, Problem } from '../types.ts'
import type { TabProps } from './case.tsx'

/** The record of the patient as YAML, saved as a new version; problems stand beside the line they are on. */
export function FactsTab({ detail, user, version, again }: TabProps): JSX.Element {
  const path = `/cases/${detail.id}/facts`
  const facts = useLoad<Facts>(path)
  const [text, setText] = useState<string | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [saved, setSaved] = useState<number | null>(null)
  const area = useRef<HTMLTextAreaElement>(null)
  const margin = useRef<HTMLPreElement>(null)
  const may = user.role !== 'view' && version === detail.newest
  useEffect(() => setText(null), [facts.data?.version])
  if (!facts.data) return facts.error ? <Trouble error={facts.error} /> : <Waiting what="Reading the facts" />
  const given = facts.data
  const shown = text ?? given.yaml
  const refused = error instanceof ApiError && error.problems.length > 0 ? error.problems : null
  const problems: Problem[] = refused ?? (text === null ? given.problems : [])
  const marks = byLine(problems)
  const lines = shown.split('\n').length
  const save = (): void => {
    setError(null)
    put<{ version: number }>(path, { yaml: shown, based_on: given.version }).then((made) => {
      setSaved(made.version)
      facts.again()
      again()
    }, setError)
  }
  const toLine = (line: number): void => {
    const at = shown.split('\n').slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0)
    area.current?.focus()
    area.current?.setSelectionRange(at, at + (shown.split('\n')[line - 1]?.length ?? 0))
  }
  return (
    <section class="facts">
      <h2>Facts</h2>
      <p class="lead">What the record says of this patient. Saving makes a new version; nothing is overwritten. What is left out counts as unknown, never as absent.</p>
      {version !== detail.newest && <Banner>These are the facts of the newest version, {detail.newest}.</Banner>}
      {!refused && <Trouble error={error} />}
      {refused && <Banner tone="alert">Not saved: {refused.length === 1 ? 'one entry is' : `${refused.length} entries are`} not understood.</Banner>}
      {saved !== null && !error && text === null && <Banner tone="good">Saved as version {saved}. Plan again to see what it changes.</Banner>}
      <div class="editor">
        <pre ref={margin} class="gutter" aria-hidden="true">
          {Array.from({ length: lines }, (_, index) => (
            <span key={index} class={marks.has(index + 1) ? 'bad' : ''}>{`${index + 1}\n`}</span>
          ))}
        </pre>
        <Field label="Facts as YAML">
          {(ids) => (
            <textarea
              {...ids}
              ref={area}
              spellcheck={false}
              readOnly={!may}
              value={shown}
              rows={Math.min(34, Math.max(16, lines + 1))}
              onInput={(event) => setText(event.currentTarget.value)}
              onScroll={(event) => margin.current && (margin.current.scrollTop = event.currentTarget.scrollTop)}
            />
          )}
        </Field>
        <div class="beside">
          {problems.length > 0 ? (
            <ul class="problems">
              {[...marks].sort((a, b) => a[0] - b[0]).map(([line, list]) => (
                <li key={line}>
                  {line > 0 && (
                    <button type="button" onClick={() => toLine(line)}>
                      Line {line}
                    </button>
                  )}
                  <Problems list={list.map(({ line: _line, ...rest }) => rest)} />
                </li>
              ))}
            </ul>
          ) : (
            <p class="none">No problem found.</p>
          )}
        </div>
      </div>
      {may && (
        <p class="buttons">
          <button type="button" class="primary" disabled={text === null} onClick={save}>
            Save as a new version
          </button>
          <button type="button" disabled={text === null} onClick={() => (setText(null), setError(null))}>
            Discard changes
          </button>
        </p>
      )}
    </section>
  )
}
