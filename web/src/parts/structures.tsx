import type { JSX } from 'preact'
import { millilitres } from '../pure/format.ts'
import type { Structure } from '../types.ts'
import { Swatch } from './ui.tsx'

const GROUPS: readonly (readonly [string, readonly string[]])[] = [
  ['Liver', ['liver']],
  ['Lesions', ['lesion']],
  ['Vessels', ['portal', 'hepatic', 'cava']],
  ['Segments', ['segment']],
  ['Organs', []],
]

const ORDER = new Intl.Collator('en', { numeric: true })

/** What can be shown, in groups, each with its colour. */
export function StructureList(props: { structures: readonly Structure[]; hidden: ReadonlySet<string>; onHidden: (hidden: ReadonlySet<string>) => void }): JSX.Element {
  const { structures, hidden, onHidden } = props
  const named = new Set(GROUPS.flatMap(([, kinds]) => kinds))
  const set = (keys: readonly string[], show: boolean): void => {
    const next = new Set(hidden)
    for (const key of keys) if (show) next.delete(key)
      else next.add(key)
    onHidden(next)
  }
  return (
    <fieldset class="structures">
      <legend>Structures</legend>
      {GROUPS.map(([title, kinds]) => {
        const some = structures.filter((one) => (kinds.length ? kinds.includes(one.kind) : !named.has(one.kind)))
        if (!some.length) return null
        some.sort((a, b) => ORDER.compare(a.name, b.name))
        const keys = some.map((one) => one.key)
        const visible = keys.filter((key) => !hidden.has(key)).length
        return (
          <div key={title} class="group">
            <label>
              <input
                type="checkbox"
                checked={visible > 0}
                ref={(box) => {
                  if (box) box.indeterminate = visible > 0 && visible < keys.length
                }}
                onChange={(event) => set(keys, event.currentTarget.checked)}
              />{' '}
              <b>{title}</b>
            </label>
            <details open={title !== 'Organs' && title !== 'Segments'}>
              <summary>
                {visible} of {some.length}
              </summary>
            <ul>
              {some.map((one) => (
                <li key={one.key}>
                  <label>
                    <input type="checkbox" checked={!hidden.has(one.key)} onChange={(event) => set([one.key], event.currentTarget.checked)} />
                    <Swatch colour={one.colour} /> {one.name}
                    {one.volume_ml !== null && <span class="stamp"> {millilitres(one.volume_ml)}</span>}
                  </label>
                </li>
              ))}
            </ul>
            </details>
          </div>
        )
      })}
    </fieldset>
  )
}
