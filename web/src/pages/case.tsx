import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { post } from '../api.ts'
import { useLoad, useShortcuts } from '../parts/hooks.ts'
import { Banner, Problems, Trouble, Waiting } from '../parts/ui.tsx'
import { count } from '../pure/format.ts'
import { link, TABS, type Route, type Tab } from '../pure/router.ts'
import type { CaseDetail, Job, User } from '../types.ts'
import { CaseJob, STATE_WORDS } from './cases.tsx'
import { DecisionTab } from './decision.tsx'
import { ExportTab } from './export.tsx'
import { FactsTab } from './facts.tsx'
import { OptionsTab } from './options.tsx'
import { PlansTab } from './plans.tsx'
import { TimelineTab } from './timeline.tsx'
import { VersionsTab } from './versions.tsx'
import { ViewerTab } from './viewer.tsx'

const TAB_WORDS: Record<Tab, string> = {
  viewer: 'Viewer',
  plans: 'Plans',
  options: 'Options and reasons',
  timeline: 'Timeline',
  facts: 'Facts',
  decision: 'Decision',
  versions: 'Versions',
  export: 'Export',
}
const NEEDS_RESULT: readonly Tab[] = ['plans', 'options', 'timeline', 'decision']

/** What every tab of a case gets. */
export interface TabProps {
  detail: CaseDetail
  user: User
  /** the version looked at */
  version: number
  /** the version whose results are shown, null when none is planned */
  planned: number | null
  again: () => void
}

/** One case: its answer, its tabs, its running job, and a banner whenever what is shown is not the newest. */
export function CasePage({ route, user }: { route: Extract<Route, { page: 'case' }>; user: User }): JSX.Element {
  const loaded = useLoad<CaseDetail>(`/cases/${route.id}`)
  const detail = loaded.data
  // while it is read again after an edit, the case read before stays on the screen
  const [last, setLast] = useState<CaseDetail | null>(null)
  if (detail && detail !== last) setLast(detail)
  const shown = detail ?? last
  const go = (tab: Tab): void => void (location.hash = link({ ...route, tab }))
  useShortcuts(TABS.map((tab, index) => ({ key: String(index + 1), what: TAB_WORDS[tab], run: () => go(tab) })))
  useEffect(() => void import('../view/slices.ts').catch(() => undefined), [])
  if (!shown) return loaded.error ? <Trouble error={loaded.error} /> : <Waiting what="Opening the case" />
  return <Opened detail={shown} route={route} user={user} again={loaded.again} />
}

function Opened({ detail, route, user, again }: { detail: CaseDetail; route: Extract<Route, { page: 'case' }>; user: User; again: () => void }): JSX.Element {
  const [job, setJob] = useState<Job | null>(null)
  const [error, setError] = useState<unknown>(null)
  const version = route.version ?? detail.newest
  const here = detail.versions.find((one) => one.version === version)
  const planned = here?.planned ? version : route.version ? null : detail.planned_version
  const may = user.role !== 'view'
  const running = job ?? (detail.job && (detail.job.state === 'queued' || detail.job.state === 'running') ? detail.job : null)
  const plan = (): void => {
    setError(null)
    post<{ job: Job }>(`/cases/${detail.id}/plan`, { version: detail.newest }).then((made) => setJob(made.job), setError)
  }
  useShortcuts([{ key: 'p', what: 'plan again', run: () => may && !running && plan() }])
  const props: TabProps = { detail, user, version, planned, again }
  return (
    <article class={`case-page on-${route.tab}`}>
      <div class="headline">
        <h1>{detail.title}</h1>
        <span class={`tag tag-${detail.state}`}>{STATE_WORDS[detail.state] ?? detail.state}</span>
        {detail.newest > 0 && <Tabs route={route} />}
        {may && !running && detail.newest > 0 && (
          <button type="button" class={detail.state === 'current' ? '' : 'primary'} onClick={plan}>
            {detail.planned_version ? 'Plan again' : 'Plan'}
          </button>
        )}
      </div>
      <Trouble error={error} />
      {running && (
        <CaseJob
          key={running.id}
          job={running}
          mayCancel={may}
          onEnd={(ended) => {
            setJob(null)
            if (ended.state === 'failed') setError(new Error(ended.error ?? 'The job failed.'))
            again()
          }}
        />
      )}
      {!running && detail.job?.state === 'failed' && (
        <Banner tone="alert">
          <b>The last job failed.</b> {detail.job.error}
        </Banner>
      )}
      <Standing detail={detail} version={version} planned={planned} tab={route.tab} />
      {detail.problems.length > 0 && route.tab !== 'viewer' && (
        <details class="notices">
          <summary>{count(detail.problems.length, 'notice')} about the input</summary>
          <Problems list={detail.problems} />
        </details>
      )}
      {detail.newest === 0 ? (
        <p class="none">{running ? 'The tabs open once the files are read.' : 'Nothing could be read.'}</p>
      ) : (
        <TabPage {...props} tab={route.tab} may={may} />
      )}
    </article>
  )
}

function Tabs({ route }: { route: Extract<Route, { page: 'case' }> }): JSX.Element {
  return (
    <nav class="tabs" aria-label="Of this case">
      {TABS.map((tab, index) => (
        <a key={tab} href={link({ ...route, tab })} aria-current={tab === route.tab ? 'page' : undefined} title={`${TAB_WORDS[tab]} (${index + 1})`}>
          {TAB_WORDS[tab]}
        </a>
      ))}
    </nav>
  )
}

function TabPage({ tab, may, ...props }: TabProps & { tab: Tab; may: boolean }): JSX.Element {
  if (NEEDS_RESULT.includes(tab) && props.planned === null) return <p class="none">This version is not planned yet{may ? ': “Plan” does it.' : '.'}</p>
  switch (tab) {
    case 'viewer':
      return <ViewerTab {...props} />
    case 'plans':
      return <PlansTab {...props} />
    case 'options':
      return <OptionsTab {...props} />
    case 'timeline':
      return <TimelineTab {...props} />
    case 'facts':
      return <FactsTab {...props} />
    case 'decision':
      return <DecisionTab {...props} />
    case 'versions':
      return <VersionsTab {...props} />
    case 'export':
      return <ExportTab {...props} />
  }
}

/** The answer with its standing: of the newest version, or clearly of an older one. */
function Standing({ detail, version, planned, tab }: { detail: CaseDetail; version: number; planned: number | null; tab: Tab }): JSX.Element | null {
  if (version !== detail.newest)
    return (
      <Banner tone="caution">
        <b>Version {version} of {detail.newest}.</b> You look at an older version of this case. <a href={link({ page: 'case', id: detail.id, tab, version: null })}>To the newest</a>
      </Banner>
    )
  if (planned !== null && planned !== detail.newest)
    return (
      <Banner tone="caution">
        <b>Out of date.</b> The case has changed since version {planned} was planned.{' '}
        {NEEDS_RESULT.includes(tab)
          ? `Everything computed here is of version ${planned}, not of the case as it is now (version ${detail.newest}).`
          : `You see it as it is now (version ${detail.newest}), without plans.`}{' '}
        Plan again.
      </Banner>
    )
  if (!detail.answer) return null
  return (
    <section class="answer" aria-label="Answer">
      <p class="sentence">{detail.answer}</p>
    </section>
  )
}
