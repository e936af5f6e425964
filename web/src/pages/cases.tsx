import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { follow, remove } from '../api.ts'
import { useLoad, useShortcuts } from '../parts/hooks.ts'
import { Dialog, Progress, Trouble, Waiting } from '../parts/ui.tsx'
import { moment } from '../pure/format.ts'
import { link } from '../pure/router.ts'
import type { CaseRow, CaseState, Job, User } from '../types.ts'
import { dropped, ImportForm, type Given } from './import.tsx'

export const STATE_WORDS: Record<CaseState, string> = {
  new: 'not planned yet',
  importing: 'reading the files',
  planning: 'planning',
  current: 'planned',
  stale: 'changed since planning',
  failed: 'failed',
}

/** A running job of a case, followed until it ends. */
export function CaseJob({ job, onEnd, mayCancel }: { job: Job; onEnd: (job: Job) => void; mayCancel: boolean }): JSX.Element {
  const [now, setNow] = useState(job)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    const stop = new AbortController()
    follow(job.id, (state) => !stop.signal.aborted && setNow(state), stop.signal).then(
      (ended) => ended && !stop.signal.aborted && onEnd(ended),
      (failed: unknown) => !stop.signal.aborted && setError(failed),
    )
    return () => stop.abort()
  }, [job.id])
  return (
    <>
      <Trouble error={error} />
      <Progress job={now} onCancel={mayCancel ? () => void remove(`/jobs/${job.id}`).catch(setError) : undefined} />
    </>
  )
}

/** All cases, newest first, and the door for new ones. */
export function CasesPage({ user, archives }: { user: User; archives: readonly string[] }): JSX.Element {
  const cases = useLoad<CaseRow[]>('/cases')
  const [open, setOpen] = useState<Given[] | null>(null)
  const [drop, setDrop] = useState(false)
  const [going, setGoing] = useState<CaseRow | null>(null)
  const [error, setError] = useState<unknown>(null)
  const may = user.role !== 'view'
  useShortcuts([
    { key: 'n', what: 'new case', run: () => may && setOpen([]) },
    { key: 'j', what: 'next case in the list', run: () => step(1) },
    { key: 'k', what: 'case before in the list', run: () => step(-1) },
  ])
  useEffect(() => void import('../view/slices.ts').catch(() => undefined), [])
  const away = going
  return (
    <section
      class={drop ? 'dropping' : ''}
      onDragOver={(event) => {
        event.preventDefault()
        if (may) setDrop(true)
      }}
      onDragLeave={() => setDrop(false)}
      onDrop={(event) => {
        event.preventDefault()
        setDrop(false)
        if (may) dropped(event.dataTransfer).then(setOpen, setError)
      }}
    >
      <div class="headline">
        <h1>Cases</h1>
        {may && (
          <button type="button" class="primary" onClick={() => setOpen([])}>
            New case
          </button>
        )}
      </div>
      <Trouble error={cases.error ?? error} />
      {cases.busy && <Waiting what="Reading the cases" />}
      {cases.data?.length === 0 && <p class="none">No case yet.{may ? ' “New case” takes a folder of scans, an archive, outlines, or a FHIR bundle.' : ''}</p>}
      <ul class="cases">
        {cases.data?.map((row) => (
          <li key={row.id} class={`case state-${row.state}`}>
            <a class="case-link" href={link({ page: 'case', id: row.id, tab: 'viewer', version: null })}>
              {row.title}
            </a>
            <span class={`tag tag-${row.state}`}>{STATE_WORDS[row.state] ?? row.state}</span>
            <p class="case-answer">{row.answer ?? (row.state === 'failed' ? 'The last job failed: open the case for the reason.' : 'Not assessed yet.')}</p>
            {row.state === 'stale' && <p class="gap">This answer is of version {row.planned_version}; the case is at version {row.newest}.</p>}
            <p class="stamp">
              made {moment(row.created)}, version {row.newest}
              {user.role === 'admin' && (
                <button type="button" class="quiet" aria-label={`Delete ${row.title}`} onClick={() => setGoing(row)}>
                  Delete
                </button>
              )}
            </p>
            {row.job && (row.job.state === 'queued' || row.job.state === 'running') && <CaseJob key={row.job.id} job={row.job} onEnd={cases.again} mayCancel={may} />}
          </li>
        ))}
      </ul>
      {open && (
        <Dialog title="New case" onClose={() => setOpen(null)}>
          <ImportForm
            archives={archives}
            given={open}
            onDone={(made) => {
              setOpen(null)
              location.hash = link({ page: 'case', id: made.id, tab: 'viewer', version: null })
            }}
          />
        </Dialog>
      )}
      {away && (
        <Dialog title={`Delete ${away.title}?`} onClose={() => setGoing(null)}>
          <p>Its scans, versions, results and decisions are deleted from this machine. This cannot be undone; the audit trail keeps that it was done.</p>
          <button
            type="button"
            class="danger"
            onClick={() =>
              remove(`/cases/${away.id}`).then(() => {
                setGoing(null)
                cases.again()
              }, setError)
            }
          >
            Delete this case
          </button>
        </Dialog>
      )}
    </section>
  )
}

function step(by: number): void {
  const links = [...document.querySelectorAll<HTMLAnchorElement>('.case-link')]
  const at = links.indexOf(document.activeElement as HTMLAnchorElement)
  links.at(at < 0 ? (by > 0 ? 0 : -1) : (at + by) % links.length)?.focus()
}
