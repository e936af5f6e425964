/** Shortcuts of the keyboard: one table, which is also the list shown on "?". */
export interface Shortcut {
  key: string
  what: string
  run: () => void
}

/** Where a key is text, or moves a control, and is no command. */
export function typing(target: { tagName?: string; isContentEditable?: boolean; type?: string } | null, key = ''): boolean {
  if (!target) return false
  if (target.isContentEditable) return true
  const name = target.tagName?.toUpperCase()
  if (name === 'TEXTAREA' || name === 'SELECT') return true
  if (name === 'INPUT' && (target.type === 'range' || target.type === 'radio')) return /^(Arrow|Page|Home|End)/.test(key)
  return name === 'INPUT' && !['checkbox', 'radio', 'button', 'submit', 'file'].includes(target.type ?? 'text')
}

/** The command of a key, if any: never with Ctrl, Alt or Meta, and the last one registered wins. */
export function match(
  event: { key: string; ctrlKey: boolean; altKey: boolean; metaKey: boolean },
  shortcuts: readonly Shortcut[],
): Shortcut | null {
  if (event.ctrlKey || event.altKey || event.metaKey) return null
  return shortcuts.findLast((shortcut) => shortcut.key === event.key) ?? null
}
