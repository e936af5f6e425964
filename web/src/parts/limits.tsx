import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ApiError, post } from '../api.ts'
import type { Plans, Replanned } from '../types.ts'
import { useStill } from './hooks.ts'
import { Slider, Trouble } from './ui.tsx'

const WAIT_MS = 300
const AGAIN_MS = 700

interface Wanted {
  /** demanded of resections and wedges; null where the dossier does not say */
  margin_mm: number | null
  remnant_percent: number
}
/** Plans under other limits, and the question they answer. */
export interface Tried {
  ask: { version: number | null; margin_mm?: number; remnant_percent?: number }
  plans: Replanned
}

/** Sliders for other limits: the margin demanded of resections snaps to those on offer. */
export function Limits(props: { id: string; planned: number | null; plans: Plans; onTried: (tried: Tried | null) => void }): JSX.Element {
  const { id, planned, plans, onTried } = props
  const margin_mm = plans.settings?.['accept_margin_mm']
  const own: Wanted = { margin_mm: typeof margin_mm === 'number' ? margin_mm : null, remnant_percent: plans.threshold?.percent ?? 30 }
  const [wanted, setWanted] = useState<Wanted>(own)
  const [offered, setOffered] = useState<readonly number[]>([])
  const [busy, setBusy] = useState('')
  const [error, setError] = useState<unknown>(null)
  const still = useStill(wanted, WAIT_MS)
  const same = still.margin_mm === own.margin_mm && still.remnant_percent === own.remnant_percent
  // the first question says which margins are on offer, and begins to make the case ready
  useEffect(() => {
    const stop = new AbortController()
    post<Replanned>(`/cases/${id}/replan`, { version: planned }, stop.signal).then((found) => setOffered(found.margins_mm ?? []), () => undefined)
    return () => stop.abort()
  }, [id, planned])
  useEffect(() => {
    setError(null)
    if (same) return onTried(null)
    const stop = new AbortController()
    const ask = { version: planned, ...changed(own, still) }
    const answer = async (): Promise<void> => {
      setBusy('Computing …')
      const found = await untilReady(id, ask, stop.signal, setBusy)
      if (found && !stop.signal.aborted) onTried({ ask, plans: found })
    }
    answer()
      .catch((failed: unknown) => !stop.signal.aborted && setError(failed))
      .finally(() => !stop.signal.aborted && setBusy(''))
    return () => {
      stop.abort()
      setBusy('')
    }
  }, [still.margin_mm, still.remnant_percent, same, id, planned])
  const margins = [...new Set([...offered, ...(own.margin_mm === null ? [] : [own.margin_mm])])].sort((a, b) => a - b)
  return (
    <div class="sliders" aria-busy={busy !== ''}>
      {wanted.margin_mm !== null && margins.length > 1 && (
        <Slider
          label="Resection margin at least"
          words={`${wanted.margin_mm} mm`}
          value={margins.indexOf(wanted.margin_mm)}
          low={0}
          high={margins.length - 1}
          onChange={(at) => setWanted({ ...wanted, margin_mm: margins[at] ?? own.margin_mm })}
        />
      )}
      <Slider
        label="Remnant at least"
        words={`${wanted.remnant_percent} %`}
        value={wanted.remnant_percent}
        low={15}
        high={60}
        onChange={(remnant_percent) => setWanted({ ...wanted, remnant_percent })}
      />
      <button type="button" disabled={same} onClick={() => setWanted(own)}>
        Back to the plans
      </button>
      <span class="stamp" role="status">
        {busy}
      </span>
      <Trouble error={error} />
    </div>
  )
}

/** Ask for plans under other limits; while the server makes the case ready it says so, and is asked again. */
async function untilReady(id: string, body: object, signal: AbortSignal, tell: (words: string) => void): Promise<Replanned | null> {
  while (!signal.aborted) {
    const found = await post<Replanned>(`/cases/${id}/replan`, body, signal).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 429) return null
      throw error
    })
    if (found && found.prepared !== false) return found
    tell(`The case is being made ready: ${found?.words ?? 'waiting'}${found?.share ? `, ${Math.round(100 * found.share)} %` : ''} …`)
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
  }
  return null
}

/** Only what differs from the plans' own limits. */
function changed(own: Wanted, wanted: Wanted): { margin_mm?: number; remnant_percent?: number } {
  return {
    ...(wanted.margin_mm !== null && wanted.margin_mm !== own.margin_mm ? { margin_mm: wanted.margin_mm } : {}),
    ...(wanted.remnant_percent !== own.remnant_percent ? { remnant_percent: wanted.remnant_percent } : {}),
  }
}
