import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Look, Part, Solid } from '../view/solid.ts'

const LOOK_WORDS: readonly (readonly [Look, string])[] = [
  ['front', 'Front'],
  ['right', 'Right'],
  ['left', 'Left'],
  ['above', 'Above'],
  ['below', 'Below'],
]

/** Surfaces in three dimensions; `onReady` gives the view to whoever couples several. */
export function SolidView({ parts, label, onReady }: { parts: readonly Part[]; label: string; onReady?: (view: Solid | null) => void }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [view, setView] = useState<Solid | null>(null)
  const [error, setError] = useState('')
  useEffect(() => {
    let gone = false
    let made: Solid | null = null
    const open = async (): Promise<void> => {
      const { Solid } = await import('../view/solid.ts')
      if (gone || !canvas.current) return
      made = await Solid.open(canvas.current)
      if (gone) return made.close()
      setView(made)
      onReady?.(made)
    }
    open().catch((failed: unknown) => setError(String(failed)))
    return () => {
      gone = true
      onReady?.(null)
      made?.close()
    }
  }, [])
  const key = parts.map((part) => `${part.url} ${part.opacity}`).join()
  useEffect(() => void view?.show(parts), [view, key])
  return (
    <div class="solid">
      <div class="canvas-box">
        <canvas ref={canvas} role="img" aria-label={`${label}, in three dimensions; turn it with the mouse or the buttons`} />
      </div>
      {error && <p class="gap">No picture in three dimensions: this browser offers no WebGL 2.</p>}
      <div class="looks" role="group" aria-label={`Look at ${label} from`}>
        {LOOK_WORDS.map(([look, words]) => (
          <button key={look} type="button" onClick={() => view?.look(look)}>
            {words}
          </button>
        ))}
        <button type="button" aria-label="Turn left" onClick={() => view?.turn(-20, 0)}>
          ⟲
        </button>
        <button type="button" aria-label="Turn right" onClick={() => view?.turn(20, 0)}>
          ⟳
        </button>
      </div>
    </div>
  )
}
