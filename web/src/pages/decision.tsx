import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { CaseJob } from './cases.tsx'
import { post } from '../api.ts'
import { useLoad } from '../parts/hooks.ts'
import { Banner, Field, Trouble, Waiting } from '../parts/ui.tsx'
import { moment, sentence } from '../pure/format.ts'
import type { Decision, Job, Plans } from '../types.ts'
import type { TabProps } from './case.tsx'

/** What the board decided, and only then the patient's letter. */
export function DecisionTab({ detail, user, planned }: TabProps): JSX.Element {
  const decisions = useLoad<Decision[]>(`/cases/${detail.id}/decisions`)
  const [writing, setWriting] = useState<Job | null>(null)
  const may = user.role !== 'view'
  const current = planned === detail.newest
  return (
    <section class="decision">
      <h2>Decisions of the board</h2>
      <Trouble error={decisions.error} />
      {decisions.busy && <Waiting what="Reading the decisions" />}
      {decisions.data?.length === 0 && <p class="none">No decision is recorded. The patient’s letter is made once one is.</p>}
      {decisions.data?.map((one, index) => (
        <Recorded key={one.n ?? index} decision={one} newest={detail.newest} />
      ))}
      {writing && <CaseJob key={writing.id} job={writing} mayCancel={false} onEnd={() => setWriting(null)} />}
      {!!decisions.data?.length && !writing && (
        <p class="buttons">
          <a class="button primary" href={`/api/cases/${detail.id}/letter`} target="_blank" rel="noreferrer">
            Patient’s letter
          </a>
          <a class="button" href={`/api/cases/${detail.id}/letter.pdf`} target="_blank" rel="noreferrer">
            as PDF
          </a>
        </p>
      )}
      {may && current && planned !== null && <DecisionForm detail={detail} planned={planned} onDone={(job) => (setWriting(job), decisions.again())} />}
      {may && !current && <Banner tone="caution">A decision is recorded on current results only. Plan again first.</Banner>}
    </section>
  )
}

function Recorded({ decision, newest }: { decision: Decision; newest: number }): JSX.Element {
  return (
    <article class="recorded">
      <h3>{decision.decided}</h3>
      {decision.version !== newest && <p class="gap">Decided on version {decision.version}; the case is at version {newest} now.</p>}
      <dl class="facts-list">
        <div>
          <dt>Plan</dt>
          <dd>{decision.plan ? `plan ${decision.plan} of version ${decision.version}` : 'none of the plans'}</dd>
        </div>
        <div>
          <dt>Reasons</dt>
          <dd>{decision.reasons || 'not given'}</dd>
        </div>
        <div>
          <dt>Dissent</dt>
          <dd>{decision.dissent || 'none recorded'}</dd>
        </div>
        <div>
          <dt>Present</dt>
          <dd>{decision.members.join(', ')}</dd>
        </div>
        <div>
          <dt>Outlines reviewed by</dt>
          <dd>{decision.reviewed_by || 'nobody named'}</dd>
        </div>
        <div>
          <dt>Recorded</dt>
          <dd>
            {moment(decision.at)} {decision.by ? `by ${decision.by}` : ''}
          </dd>
        </div>
      </dl>
    </article>
  )
}

function DecisionForm({ detail, planned, onDone }: { detail: TabProps['detail']; planned: number; onDone: (job: Job | null) => void }): JSX.Element {
  const plans = useLoad<Plans>(`/cases/${detail.id}/results/${planned}/plans.json`)
  const blank = { plan: '', decided: '', reasons: '', dissent: '', members: '', reviewed_by: '', role: '', intent: '', next_step: '', next_by: '' }
  const [form, setForm] = useState(blank)
  const [error, setError] = useState<unknown>(null)
  const set = (part: Partial<typeof blank>): void => setForm({ ...form, ...part })
  const send = (event: Event): void => {
    event.preventDefault()
    setError(null)
    const members = form.members.split(/[\n,;]/).map((name) => name.trim()).filter(Boolean)
    const plan = form.plan ? Number(form.plan) : null
    const given = { ...form, version: planned, plan, members, intent: form.intent || null, next_by: form.next_by || null }
    post<{ job?: Job | null }>(`/cases/${detail.id}/decision`, given).then((made) => {
      setForm(blank)
      onDone(made.job ?? null)
    }, setError)
  }
  return (
    <form class="decide" onSubmit={send}>
      <h3>Record a decision on version {planned}</h3>
      <Trouble error={error} />
      <Field label="Plan">
        {(ids) => (
          <select {...ids} value={form.plan} onChange={(event) => set({ plan: event.currentTarget.value })}>
            <option value="">none of the plans</option>
            {plans.data?.plans.map((plan, index) => (
              <option key={index} value={String(index + 1)}>
                {index + 1}: {sentence(plan.name)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="What the board decided" hint="One sentence; it opens the record and the patient’s letter is made from it.">
        {(ids) => <textarea {...ids} required rows={2} value={form.decided} onInput={(event) => set({ decided: event.currentTarget.value })} />}
      </Field>
      <Field label="Reasons">
        {(ids) => <textarea {...ids} rows={3} value={form.reasons} onInput={(event) => set({ reasons: event.currentTarget.value })} />}
      </Field>
      <Field label="Dissent" hint="Who saw it otherwise, and why.">
        {(ids) => <textarea {...ids} rows={2} value={form.dissent} onInput={(event) => set({ dissent: event.currentTarget.value })} />}
      </Field>
      <Field label="Present" hint="One name a line.">
        {(ids) => <textarea {...ids} required rows={3} value={form.members} onInput={(event) => set({ members: event.currentTarget.value })} />}
      </Field>
      <Field label="Outlines reviewed by">
        {(ids) => <input {...ids} required value={form.reviewed_by} onInput={(event) => set({ reviewed_by: event.currentTarget.value })} />}
      </Field>
      <Field label="Role of that person">
        {(ids) => <input {...ids} value={form.role} onInput={(event) => set({ role: event.currentTarget.value })} />}
      </Field>
      <Field label="Aim of the treatment">
        {(ids) => (
          <select {...ids} value={form.intent} onChange={(event) => set({ intent: event.currentTarget.value })}>
            <option value="">not said</option>
            <option value="cure">cure</option>
            <option value="control">control</option>
            <option value="comfort">comfort</option>
          </select>
        )}
      </Field>
      <Field label="Next step" hint="The patient reads this.">
        {(ids) => <input {...ids} value={form.next_step} onInput={(event) => set({ next_step: event.currentTarget.value })} />}
      </Field>
      <Field label="By when">
        {(ids) => <input {...ids} type="date" value={form.next_by} onInput={(event) => set({ next_by: event.currentTarget.value })} />}
      </Field>
      <button type="submit" class="primary">
        Record the decision
      </button>
    </form>
  )
}
