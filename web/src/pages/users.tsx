import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { patch, post } from '../api.ts'
import { useLoad } from '../parts/hooks.ts'
import { Field, Trouble, Waiting } from '../parts/ui.tsx'
import type { Role, User } from '../types.ts'

const ROLE_WORDS: readonly (readonly [Role, string])[] = [
  ['view', 'view: reads'],
  ['edit', 'edit: imports, corrects, plans, records decisions'],
  ['admin', 'admin: also users and deletion'],
]

/** Users and their roles, for administrators. */
export function UsersPage({ me }: { me: User }): JSX.Element {
  const users = useLoad<User[]>('/users')
  const [error, setError] = useState<unknown>(null)
  const [fresh, setFresh] = useState({ name: '', password: '', role: 'view' as Role })
  const change = (work: Promise<unknown>): void => {
    setError(null)
    work.then(users.again, setError)
  }
  return (
    <>
      <h1>Users</h1>
      <Trouble error={users.error ?? error} />
      {users.busy && <Waiting what="Reading the users" />}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Role</th>
              <th scope="col">May sign in</th>
            </tr>
          </thead>
          <tbody>
            {users.data?.map((user) => (
              <tr key={user.id}>
                <th scope="row">{user.name}</th>
                <td>
                  <select
                    aria-label={`Role of ${user.name}`}
                    value={user.role}
                    disabled={user.id === me.id}
                    onChange={(event) => change(patch(`/users/${user.id}`, { role: event.currentTarget.value }))}
                  >
                    {ROLE_WORDS.map(([role, words]) => (
                      <option key={role} value={role}>
                        {words}
                      </option>
                    ))}
                  </select>
                </td>
                <td>
                  <input
                    type="checkbox"
                    aria-label={`${user.name} may sign in`}
                    checked={user.active !== false}
                    disabled={user.id === me.id}
                    onChange={(event) => change(patch(`/users/${user.id}`, { active: event.currentTarget.checked }))}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <h2>A new user</h2>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault()
          change(post('/users', fresh).then(() => setFresh({ name: '', password: '', role: 'view' })))
        }}
      >
        <Field label="Name">
          {(ids) => <input {...ids} required value={fresh.name} onInput={(event) => setFresh({ ...fresh, name: event.currentTarget.value })} />}
        </Field>
        <Field label="First password">
          {(ids) => (
            <input
              {...ids}
              required
              type="password"
              autocomplete="new-password"
              value={fresh.password}
              onInput={(event) => setFresh({ ...fresh, password: event.currentTarget.value })}
            />
          )}
        </Field>
        <Field label="Role">
          {(ids) => (
            <select {...ids} value={fresh.role} onChange={(event) => setFresh({ ...fresh, role: event.currentTarget.value as Role })}>
              {ROLE_WORDS.map(([role, words]) => (
                <option key={role} value={role}>
                  {words}
                </option>
              ))}
            </select>
          )}
        </Field>
        <button type="submit" class="primary">
          Add
        </button>
      </form>
    </>
  )
}
