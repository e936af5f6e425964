import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { useLoad } from '../parts/hooks.ts'
import { Trouble, Waiting } from '../parts/ui.tsx'
import { moment, plain, words } from '../pure/format.ts'
import type { AuditEntry } from '../types.ts'

/** Entries of one answer. */
const PAGE = 500

/** A table of who did what when. */
export function AuditTable({ path }: { path: string }): JSX.Element {
  const [after, setAfter] = useState(0)
  const audit = useLoad<AuditEntry[]>(`${path}${path.includes('?') ? '&' : '?'}after=${after}`)
  if (audit.error) return <Trouble error={audit.error} />
  if (!audit.data) return <Waiting what="Reading the audit trail" />
  if (!audit.data.length) return <p class="none">Nothing {after ? 'later' : ''} is recorded.</p>
  const last = audit.data.at(-1)?.n ?? 0
  return (
    <div class="scroll">
      <table class="audit">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">More</th>
          </tr>
        </thead>
        <tbody>
          {audit.data.map((entry, index) => (
            <tr key={index}>
              <td class="stamp">{moment(entry.at)}</td>
              <td>{entry.by ?? 'the server'}</td>
              <td>{entry.what}</td>
              <td>
                {Object.entries(entry.detail ?? {})
                  .filter(([, value]) => value !== null && value !== '')
                  .map(([key, value]) => `${words(key)}: ${plain(value)}`)
                  .join('; ')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {audit.data.length >= PAGE && (
        <button type="button" onClick={() => setAfter(last)}>
          Later entries
        </button>
      )}
    </div>
  )
}

/** The audit trail of the whole workbench, for administrators. */
export function AuditPage(): JSX.Element {
  return (
    <>
      <h1>Audit trail</h1>
      <p class="lead">Who did what when. Nothing here can be changed or removed.</p>
      <AuditTable path="/audit" />
    </>
  )
}
