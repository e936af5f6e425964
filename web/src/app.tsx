import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { about, remove, session, whenSignedOut } from './api.ts'
import { useRoute, useShortcuts, shortcuts } from './parts/hooks.ts'
import { setIn, setSize, setTheme, size, theme, wasIn } from './parts/prefs.ts'
import { Dialog, Trouble, Waiting } from './parts/ui.tsx'
import { AuditPage } from './pages/audit.tsx'
import { CasePage } from './pages/case.tsx'
import { CasesPage } from './pages/cases.tsx'
import { SignIn } from './pages/signin.tsx'
import { UsersPage } from './pages/users.tsx'
import type { About, Session } from './types.ts'

/** The whole workbench: nobody signed in sees only the door. */
export function App(): JSX.Element {
  const [who, setWho] = useState<Session | null | undefined>(undefined)
  const [facts, setFacts] = useState<About | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [, redraw] = useState(0)
  const [help, setHelp] = useState(false)

  useEffect(() => {
    whenSignedOut(() => setWho(null))
    const open = async (): Promise<void> => {
      const found = await about()
      setFacts(found)
      setWho(wasIn() || found.oidc ? await session() : null)
    }
    open().catch(setError)
  }, [])
  useEffect(() => {
    if (who !== undefined) setIn(who !== null)
  }, [who])
  const toggleSize = (): void => (setSize(size() === 'board' ? 'desk' : 'board'), redraw((n) => n + 1))
  const toggleTheme = (): void => (setTheme(theme() === 'dark' ? 'light' : 'dark'), redraw((n) => n + 1))
  useShortcuts([
    { key: '?', what: 'this list', run: () => setHelp(true) },
    { key: 'B', what: 'text for the board room', run: toggleSize },
    { key: 'D', what: 'dark or light', run: toggleTheme },
    { key: 'L', what: 'list of cases', run: () => (location.hash = '#/cases') },
  ])

  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById('main')?.focus())}>
        To the page
      </a>
      <header class="top">
        <a class="brand" href="#/cases">
          Glisson
        </a>
        <nav aria-label="Workbench">
          {who && <a href="#/cases">Cases</a>}
          {who?.user.role === 'admin' && <a href="#/users">Users</a>}
          {who?.user.role === 'admin' && <a href="#/audit">Audit</a>}
        </nav>
        <div class="tools">
          <button type="button" aria-pressed={size() === 'board'} onClick={toggleSize} title="Text for the board room (B)">
            Board
          </button>
          <button type="button" aria-pressed={theme() === 'dark'} onClick={toggleTheme} title="Dark or light (D)">
            Dark
          </button>
          <button type="button" onClick={() => setHelp(true)} aria-label="Shortcuts" title="Shortcuts (?)">
            ?
          </button>
          {who && (
            <button type="button" onClick={() => remove('/session').then(() => setWho(null), setError)}>
              Sign out {who.user.name}
            </button>
          )}
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <Trouble error={error} />
        {who === undefined && !error && <Waiting what="Opening the workbench" />}
        {who === null && facts && <SignIn about={facts} onSession={(found) => (setWho(found), about().then(setFacts, setError))} />}
        {who && <Pages session={who} archives={facts?.pacs ?? []} />}
      </main>
      <footer class="bottom">
        {facts?.statement ?? 'Research software: not a medical device, not for clinical decisions without review.'}
        {facts && <span> Version {facts.version}. </span>}
        <a href="/THIRD-PARTY.txt">Licences</a>
      </footer>
      {help && (
        <Dialog title="Keyboard" onClose={() => setHelp(false)}>
          <dl class="keys">
            {shortcuts().map((one) => (
              <div key={one.key + one.what}>
                <dt>
                  <kbd>{one.key === ' ' ? 'Space' : one.key}</kbd>
                </dt>
                <dd>{one.what}</dd>
              </div>
            ))}
          </dl>
        </Dialog>
      )}
    </>
  )
}

function Pages({ session, archives }: { session: Session; archives: readonly string[] }): JSX.Element {
  const route = useRoute()
  if (route.page === 'users') return <UsersPage me={session.user} />
  if (route.page === 'audit') return <AuditPage />
  if (route.page === 'case') return <CasePage key={route.id} route={route} user={session.user} />
  return <CasesPage user={session.user} archives={archives} />
}
