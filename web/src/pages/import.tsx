import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { post } from '../api.ts'
import { Banner, Choice, Field, Trouble } from '../parts/ui.tsx'
import { bytes, guessRole, LEAVE_OUT, ORGAN_ROLES, ROLES } from '../pure/files.ts'
import { count } from '../pure/format.ts'
import type { CaseRow, Job } from '../types.ts'

/** A file to import, its path in what was dropped, and what it is. */
export interface Given {
  file: File
  path: string
  role: string
}
type Made = { case: CaseRow | string; job: Job | null }
const LISTED = 40

/** Every file of a dropped folder, with its path in it. */
async function walk(entry: FileSystemEntry, into: Given[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    const path = entry.fullPath.replace(/^\//, '')
    into.push({ file, path, role: guessRole(path) })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (!some.length) return
    for (const inner of some) await walk(inner, into)
  }
}

/** Every file of what was dropped. */
export async function dropped(transfer: DataTransfer | null): Promise<Given[]> {
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  const found: Given[] = []
  for (const entry of entries) await walk(entry, found)
  return found
}

function fromList(list: FileList | null): Given[] {
  return [...(list ?? [])].map((file) => {
    const path = file.webkitRelativePath || file.name
    return { file, path, role: guessRole(path) }
  })
}

interface FormProps {
  archives: readonly string[]
  /** what was dropped on the list already */
  given: Given[]
  onDone: (made: { id: string }) => void
}

/** A new case from files of this machine or from a PACS. */
export function ImportForm({ archives, given, onDone }: FormProps): JSX.Element {
  const [way, setWay] = useState<'files' | 'pacs'>('files')
  return (
    <>
      <Choice
        label="Where the scans are"
        value={way}
        options={[
          ['files', 'Files on this machine'],
          ['pacs', 'PACS'],
        ]}
        onChange={setWay}
      />
      {way === 'files' ? <FilesForm given={given} onDone={onDone} /> : <PacsForm archives={archives} onDone={onDone} />}
    </>
  )
}

function finish(made: Made, onDone: (made: { id: string }) => void): void {
  onDone({ id: typeof made.case === 'string' ? made.case : made.case.id })
}

function FilesForm({ given, onDone }: { given: Given[]; onDone: (made: { id: string }) => void }): JSX.Element {
  const [title, setTitle] = useState('')
  const [files, setFiles] = useState<Given[]>(given)
  const [over, setOver] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const add = (more: Given[]): void => setFiles((had) => [...had, ...more.filter((one) => !had.some((old) => old.path === one.path))])
  const send = async (event: Event): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    const form = new FormData()
    form.append('title', title)
    for (const { file, path, role } of files) {
      if (role === LEAVE_OUT) continue
      form.append('files', file, path)
      form.append('role', role)
    }
    try {
      finish(await post<Made>('/cases', form), onDone)
    } catch (found) {
      setError(found)
      setBusy(false)
    }
  }
  const total = files.reduce((sum, { file }) => sum + file.size, 0)
  return (
    <form onSubmit={(event) => void send(event)}>
      <Trouble error={error} />
      <Field label="Title" hint="A name for the list of cases. Better a number of your own than the patient’s name.">
        {(ids) => <input {...ids} required value={title} onInput={(event) => setTitle(event.currentTarget.value)} />}
      </Field>
      <div
        class={over ? 'drop over' : 'drop'}
        onDragOver={(event) => (event.preventDefault(), setOver(true))}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault()
          event.stopPropagation()
          setOver(false)
          dropped(event.dataTransfer).then(add, setError)
        }}
      >
        <p>Drag a folder, an archive or files here: DICOM, NIfTI, NRRD, a FHIR bundle, a case folder.</p>
        <label class="button">
          Choose files
          <input class="hidden-input" type="file" multiple onChange={(event) => add(fromList(event.currentTarget.files))} />
        </label>
        <label class="button">
          Choose a folder
          <input
            class="hidden-input"
            type="file"
            {...{ webkitdirectory: true }}
            onChange={(event) => add(fromList(event.currentTarget.files))}
          />
        </label>
      </div>
      {files.length > 0 && (
        <>
          <p>
            {count(files.length, 'file')}, {bytes(total)}{' '}
            <button type="button" class="quiet" onClick={() => setFiles([])}>
              Remove all
            </button>
          </p>
          <ul class="given">
            {files.slice(0, LISTED).map((given) => (
              <li key={given.path}>
                <span class="path">{given.path}</span>
                <select
                  aria-label={`What ${given.path} is`}
                  value={given.role}
                  onChange={(event) => {
                    const role = event.currentTarget.value
                    setFiles((had) => had.map((one) => (one.path === given.path ? { ...one, role } : one)))
                  }}
                >
                  {ROLES.map(([role, words]) => (
                    <option key={role} value={role}>
                      {words}
                    </option>
                  ))}
                  <optgroup label="outline of an organ">
                    {ORGAN_ROLES.map(([role, words]) => (
                      <option key={role} value={role}>
                        {words}
                      </option>
                    ))}
                  </optgroup>
                </select>
              </li>
            ))}
          </ul>
          {files.length > LISTED && <p class="hint">and {files.length - LISTED} more, whose kind is found out when they are read.</p>}
        </>
      )}
      <button type="submit" class="primary" disabled={busy || !files.length}>
        {busy ? 'Sending …' : 'Import'}
      </button>
    </form>
  )
}

function PacsForm({ archives, onDone }: { archives: readonly string[]; onDone: (made: { id: string }) => void }): JSX.Element {
  const [title, setTitle] = useState('')
  const [from, setFrom] = useState(archives[0] ?? '')
  const [study, setStudy] = useState('')
  const [error, setError] = useState<unknown>(null)
  if (!archives.length)
    return <Banner>This server knows no PACS. It is started with the option --pacs NAME=URL for each one it may fetch from.</Banner>
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        setError(null)
        post<Made>('/cases/fetch', { from, study, title }).then((made) => finish(made, onDone), setError)
      }}
    >
      <Trouble error={error} />
      <Field label="Title" hint="A name for the list of cases.">
        {(ids) => <input {...ids} required value={title} onInput={(event) => setTitle(event.currentTarget.value)} />}
      </Field>
      <Field label="PACS">
        {(ids) => (
          <select {...ids} value={from} onChange={(event) => setFrom(event.currentTarget.value)}>
            {archives.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Study instance UID">
        {(ids) => <input {...ids} required pattern="[0-9.]+" value={study} onInput={(event) => setStudy(event.currentTarget.value)} />}
      </Field>
      <button type="submit" class="primary">
        Fetch
      </button>
    </form>
  )
}
