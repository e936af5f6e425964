import type { JSX } from 'preact'
import { letterKey, millilitres, number, segments } from '../pure/format.ts'
import type { SceneLesion } from '../types.ts'

function act(lesion: SceneLesion): { letter: string; text: string } {
  if (!lesion.act) return { letter: '', text: '' }
  return typeof lesion.act === 'string' ? { letter: '', text: lesion.act } : lesion.act
}

/** Every lesion with its size; a click goes there. */
export function LesionTable(props: { lesions: readonly SceneLesion[]; chosen: string | null; onChoose: (lesion: SceneLesion) => void }): JSX.Element {
  const { lesions, chosen, onChoose } = props
  if (!lesions.length) return <p class="none">No lesion is outlined. That does not mean that there is none.</p>
  const acts = lesions.some((lesion) => lesion.act)
  const here = lesions.find((lesion) => lesion.id === chosen)
  return (
    <div>
    <table class="lesions">
      <caption>Lesions</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">mm</th>
          <th scope="col">Volume</th>
          <th scope="col">Segment</th>
          {acts && <th scope="col">Plan 1</th>}
        </tr>
      </thead>
      <tbody>
        {lesions.map((lesion) => (
          <tr key={lesion.id} class={lesion.id === chosen ? 'chosen' : ''} onClick={() => onChoose(lesion)}>
            <th scope="row">
              <button
                type="button"
                class="linkish"
                aria-pressed={lesion.id === chosen}
                aria-label={`Go to ${lesion.id}`}
                onClick={(event) => {
                  event.stopPropagation()
                  onChoose(lesion)
                }}
              >
                {lesion.id}
              </button>
              {lesion.nature && <span class="stamp">{lesion.nature}</span>}
            </th>
            <td>
              {number(lesion.long_mm, 0)}
              {lesion.short_mm ? ` × ${number(lesion.short_mm, 0)}` : ''}
            </td>
            <td>{millilitres(lesion.volume_ml)}</td>
            <td>{segments(lesion.segment)}</td>
            {acts && (
              <td title={act(lesion).text}>
                <b>{act(lesion).letter || act(lesion).text}</b>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
    {acts && <p class="stamp">{letterKey(lesions.map((lesion) => act(lesion).letter))}</p>}
    {here && (
      <p class="here">
        <b>{here.id}</b> {here.nature}
        {here.reason ? ` (${here.reason})` : ''}
        {act(here).text ? `; plan 1: ${act(here).text}` : ''}
      </p>
    )}
    </div>
  )
}
