import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { keepToken, post } from '../api.ts'
import { Banner, Field, Trouble } from '../parts/ui.tsx'
import type { About, Session } from '../types.ts'

/** The door: sign in, or make the first user while there is none. */
export function SignIn({ about, onSession }: { about: About; onSession: (session: Session) => void }): JSX.Element {
  const first = about.needs_first_user
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const enter = async (event: Event): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      if (first) await post('/first-user', { name, password })
      const session = await post<Session>('/session', { name, password })
      keepToken(session.csrf)
      onSession(session)
    } catch (found) {
      setError(found)
    } finally {
      setBusy(false)
    }
  }
  return (
    <section class="door">
      <h1>{first ? 'First user' : 'Sign in'}</h1>
      {first && <Banner>There is no user yet. The first one is the administrator of this workbench and makes the others.</Banner>}
      <Trouble error={error} />
      <form onSubmit={(event) => void enter(event)}>
        <Field label="Name">
          {(ids) => <input {...ids} value={name} autocomplete="username" required onInput={(event) => setName(event.currentTarget.value)} />}
        </Field>
        <Field label="Password" {...(first ? { hint: 'At least 12 characters.' } : {})}>
          {(ids) => (
            <input
              {...ids}
              type="password"
              value={password}
              autocomplete={first ? 'new-password' : 'current-password'}
              required
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          )}
        </Field>
        <button type="submit" class="primary" disabled={busy}>
          {first ? 'Make this user' : 'Sign in'}
        </button>
        {about.oidc && !first && (
          <a class="button" href="/api/oidc/login">
            Sign in with the hospital’s account
          </a>
        )}
      </form>
    </section>
  )
}
