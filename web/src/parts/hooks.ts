import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { get } from '../api.ts'
import { match, typing, type Shortcut } from '../pure/keys.ts'
import { parse, type Route } from '../pure/router.ts'

export interface Loaded<T> {
  data: T | null
  error: unknown
  busy: boolean
  again: () => void
}

/** The answer to a GET; asked again when the path or the stamp changes or `again` is called. A null path asks nothing. */
export function useLoad<T>(path: string | null, stamp: unknown = null): Loaded<T> {
  const [state, setState] = useState<{ path: string | null; data: T | null; error: unknown }>({ path: null, data: null, error: null })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    if (path === null) return
    const stop = new AbortController()
    get<T>(path, stop.signal).then(
      (data) => !stop.signal.aborted && setState({ path, data, error: null }),
      (error: unknown) => !stop.signal.aborted && setState({ path, data: null, error }),
    )
    return () => stop.abort()
  }, [path, turn, stamp])
  const fits = state.path === path
  const data = fits ? state.data : null
  const error = fits ? state.error : null
  return { data, error, busy: path !== null && !data && !error, again: () => setTurn((count) => count + 1) }
}

/** The page shown, from the address. */
export function useRoute(): Route {
  const [fragment, setFragment] = useState(location.hash)
  useEffect(() => {
    const changed = (): void => setFragment(location.hash)
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return useMemo(() => parse(fragment), [fragment])
}

const registered: Shortcut[][] = []

/** Every shortcut that works now, for the list on "?". */
export function shortcuts(): Shortcut[] {
  return registered.flat()
}

/** Keys that work as long as the component is shown. */
export function useShortcuts(list: Shortcut[]): void {
  const current = useRef(list)
  current.current = list
  useEffect(() => {
    const mine = current.current.map((one, index) => ({ ...one, run: () => current.current[index]?.run() }))
    registered.push(mine)
    return () => void registered.splice(registered.indexOf(mine), 1)
  }, [list.map((one) => one.key + one.what).join()])
}

addEventListener('keydown', (event) => {
  if (event.defaultPrevented || typing(event.target as HTMLElement | null, event.key)) return
  if (document.querySelector('dialog[open]') && event.key !== '?') return
  const found = match(event, shortcuts())
  if (!found) return
  event.preventDefault()
  found.run()
})

/** A value that follows another after it has been still for a while. */
export function useStill<T>(value: T, wait_ms: number): T {
  const [still, setStill] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setStill(value), wait_ms)
    return () => clearTimeout(timer)
  }, [value, wait_ms])
  return still
}
