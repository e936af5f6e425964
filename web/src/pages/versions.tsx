import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { post } from '../api.ts'
import { Trouble } from '../parts/ui.tsx'
import { moment } from '../pure/format.ts'
import { link } from '../pure/router.ts'
import { AuditTable } from './audit.tsx'
import type { TabProps } from './case.tsx'

/** Every version: who, when, what, based on which; any of them can be looked at or gone back to. */
export function VersionsTab({ detail, user, again }: TabProps): JSX.Element {
  const [error, setError] = useState<unknown>(null)
  const may = user.role !== 'view'
  return (
    <section>
      <h2>Versions</h2>
      <p class="lead">Every change is a version of its own. Going back makes a new version equal to the old one.</p>
      <Trouble error={error} />
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">When</th>
              <th scope="col">Who</th>
              <th scope="col">What</th>
              <th scope="col">Dossier</th>
              <td></td>
            </tr>
          </thead>
          <tbody>
            {[...detail.versions].reverse().map((one) => (
              <tr key={one.version} class={one.version === detail.newest ? 'named' : ''}>
                <th scope="row" class="number">
                  {one.version}
                  {one.version === detail.newest ? ' (newest)' : ''}
                </th>
                <td class="stamp">{moment(one.at)}</td>
                <td>{one.by}</td>
                <td>
                  {one.what}
                  {one.based_on ? <span class="stamp"> on version {one.based_on}</span> : null}
                </td>
                <td>
                  {one.planned ? (
                    <a href={`/api/cases/${detail.id}/results/${one.version}/dossier.html`} target="_blank" rel="noreferrer">
                      dossier of version {one.version}
                    </a>
                  ) : (
                    <span class="stamp">not planned</span>
                  )}
                </td>
                <td>
                  <a href={link({ page: 'case', id: detail.id, tab: 'viewer', version: one.version })}>Look at version {one.version}</a>{' '}
                  {may && one.version !== detail.newest && (
                    <button
                      type="button"
                      onClick={() => {
                        setError(null)
                        post(`/cases/${detail.id}/revert`, { to: one.version, based_on: detail.newest }).then(again, setError)
                      }}
                    >
                      Go back to version {one.version}
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {may && (
        <>
          <h2>Audit trail of this case</h2>
          <AuditTable path={`/audit?case=${detail.id}`} />
        </>
      )}
    </section>
  )
}
