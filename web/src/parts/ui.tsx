import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { ApiError } from '../api.ts'
import { problemWords } from '../pure/yaml.ts'
import type { Job, PlanPart, Problem } from '../types.ts'

type Tone = 'info' | 'caution' | 'alert' | 'good'

/** A line that says something about the whole page. */
export function Banner({ tone = 'info', children }: { tone?: Tone; children: ComponentChildren }): JSX.Element {
  return (
    <div class={`banner ${tone}`} role={tone === 'alert' ? 'alert' : 'status'}>
      {children}
    </div>
  )
}

/** What went wrong, in the server's words. */
export function Trouble({ error }: { error: unknown }): JSX.Element | null {
  if (!error) return null
  const known = error instanceof ApiError ? error : null
  return (
    <Banner tone="alert">
      <b>{known ? known.message : 'Something went wrong in this page'}</b> {known ? known.detail : String(error)}
      {known && known.problems.length > 0 && <Problems list={known.problems} />}
    </Banner>
  )
}

export function Problems({ list }: { list: readonly Problem[] }): JSX.Element {
  return (
    <ul class="problems">
      {list.map((problem, index) => (
        <li key={index} class={problem.level ?? 'problem'}>
          {problem.line ? <b>Line {problem.line}: </b> : null}
          {problemWords(problem)}
        </li>
      ))}
    </ul>
  )
}

export function Waiting({ what }: { what: string }): JSX.Element {
  return (
    <p class="waiting" role="status">
      {what} …
    </p>
  )
}

/** A labelled control; the text below it is tied to it for screen readers. */
export function Field(props: { label: string; hint?: string; children: (ids: { id: string; 'aria-describedby'?: string }) => JSX.Element }): JSX.Element {
  const id = useId()
  const ids = props.hint ? { id, 'aria-describedby': `${id}-hint` } : { id }
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.children(ids)}
      {props.hint && (
        <p class="hint" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
    </div>
  )
}

/** A window over the page; Escape closes it. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }): JSX.Element {
  const box = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    box.current?.showModal()
  }, [])
  return (
    <dialog ref={box} aria-labelledby={id} onClose={onClose}>
      <header>
        <h2 id={id}>{title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={() => box.current?.close()}>
          ✕
        </button>
      </header>
      {children}
    </dialog>
  )
}

const JOB_WORDS: Record<Job['kind'], string> = {
  import: 'Reading the files',
  check: 'Checking the files',
  plan: 'Planning',
  prepare: 'Preparing the pictures',
  fetch: 'Fetching from the PACS',
  letter: 'Writing the letter',
}

/** A running job with its share done and a way to stop it. */
export function Progress({ job, onCancel }: { job: Job; onCancel?: (() => void) | undefined }): JSX.Element {
  const title = JOB_WORDS[job.kind] ?? job.kind
  const share = Math.round(job.share * 100)
  return (
    <div class="progress">
      <span class="progress-words">
        <b>{title}</b> {job.state === 'queued' ? 'waits for its turn' : job.words}
      </span>
      <progress max={100} value={share} aria-label={`${title}: ${share} %`} />
      <span class="share">{share} %</span>
      {onCancel && (
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      )}
    </div>
  )
}

/** A slider with its value in words beside its name. */
export function Slider(props: {
  label: string
  words: string
  value: number
  low: number
  high: number
  step?: number
  onChange: (value: number) => void
}): JSX.Element {
  const id = useId()
  return (
    <div class="slider">
      <span>
        <label for={id}>{props.label}</label> <output for={id}>{props.words}</output>
      </span>
      <input
        id={id}
        type="range"
        min={props.low}
        max={props.high}
        step={props.step ?? 1}
        value={props.value}
        aria-valuetext={props.words}
        onInput={(event) => props.onChange(Number(event.currentTarget.value))}
      />
    </div>
  )
}

/** Buttons of which one is pressed. */
export function Choice<T extends string>(props: {
  label: string
  value: T
  options: readonly (readonly [T, string])[]
  onChange: (value: T) => void
}): JSX.Element {
  return (
    <div class="choice" role="group" aria-label={props.label}>
      {props.options.map(([value, text]) => (
        <button key={value} type="button" aria-pressed={props.value === value} onClick={() => props.onChange(value)}>
          {text}
        </button>
      ))}
    </div>
  )
}

/** A small square of a colour, beside the words that say the same. */
export function Swatch({ colour }: { colour: string }): JSX.Element {
  return (
    <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
      <rect width="10" height="10" rx="2" fill={colour} />
    </svg>
  )
}

/** The colours of a plan's parts, in words. */
export function Legend({ parts }: { parts: readonly PlanPart[] }): JSX.Element {
  return (
    <span class="legend">
      {parts.map(({ key, name, colour }) => (
        <span key={key}>
          <Swatch colour={colour} /> {name}
        </span>
      ))}
    </span>
  )
}
