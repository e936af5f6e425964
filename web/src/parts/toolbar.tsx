import type { JSX } from 'preact'
import type { Scene } from '../types.ts'
import { Choice } from './ui.tsx'

export type View = 'all' | 'axial' | 'coronal' | 'sagittal' | 'solid'
export interface Shown {
  pane: View
  window: number
  outlines: boolean
  fill: boolean
  measures: boolean
  /** number of the plan tinted on the slices, 0 for none */
  plan: number
  /** 'auto' shows the finest this browser shows at once */
  level: string
  needles: boolean
}

const PANES: readonly (readonly [View, string])[] = [
  ['all', 'All'],
  ['axial', 'Axial'],
  ['coronal', 'Coronal'],
  ['sagittal', 'Sagittal'],
  ['solid', '3D'],
]
const LEVEL_WORDS: Record<string, string> = { preview: 'whole scan, coarse', fine: 'liver, fine', native: 'as scanned' }

/** What is shown and how. */
export function Toolbar({ scene, shown, onShown, needles }: { scene: Scene; shown: Shown; onShown: (shown: Shown) => void; needles: number }): JSX.Element {
  const set = (part: Partial<Shown>): void => onShown({ ...shown, ...part })
  const toggle = (key: 'outlines' | 'fill' | 'measures' | 'needles', words: string): JSX.Element => (
    <button type="button" aria-pressed={shown[key]} onClick={() => set({ [key]: !shown[key] })}>
      {words}
    </button>
  )
  return (
    <div class="toolbar">
      <Choice label="View" value={shown.pane} options={PANES} onChange={(pane) => set({ pane })} />
      <label>
        <span class="quiet-label">Window</span>
        <select value={shown.window} onChange={(event) => set({ window: Number(event.currentTarget.value) })}>
          {scene.windows.map((one, index) => (
            <option key={one.name} value={index}>
              {one.name} ({one.level} / {one.width})
            </option>
          ))}
        </select>
      </label>
      <div class="choice" role="group" aria-label="On the image">
        {toggle('outlines', 'Outlines')}
        {toggle('fill', 'Tint')}
        {toggle('measures', 'Measurements')}
        {needles > 0 && toggle('needles', 'Needles')}
      </div>
      {scene.plans.length > 0 && (
        <label>
          <span class="quiet-label">Plan</span>
          <select value={shown.plan} onChange={(event) => set({ plan: Number(event.currentTarget.value) })}>
            <option value={0}>none</option>
            {scene.plans.map((plan) => (
              <option key={plan.n} value={plan.n}>
                {plan.n}: {plan.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        <span class="quiet-label">Detail</span>
        <select value={shown.level} onChange={(event) => set({ level: event.currentTarget.value })}>
          <option value="auto">automatic</option>
          {scene.levels.map((level) => (
            <option key={level.name} value={level.name}>
              {LEVEL_WORDS[level.name] ?? level.name}
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}
