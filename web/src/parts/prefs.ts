/** What a reader has chosen on this screen: text for a board room, light or dark. Kept in this browser alone. */
export type Size = 'desk' | 'board'
export type Theme = 'light' | 'dark'

function kept(key: string): string | null {
  try {
    return localStorage.getItem(`glisson.${key}`)
  } catch {
    return null
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`glisson.${key}`, value)
  } catch {
    // a browser that keeps nothing forgets the choice at the end of the visit
  }
}

export function size(): Size {
  return document.documentElement.dataset['size'] === 'board' ? 'board' : 'desk'
}

export function theme(): Theme {
  return document.documentElement.dataset['theme'] === 'dark' ? 'dark' : 'light'
}

export function setSize(value: Size): void {
  document.documentElement.dataset['size'] = value
  keep('size', value)
  dispatchEvent(new Event('resize'))
}

export function setTheme(value: Theme): void {
  document.documentElement.dataset['theme'] = value
  keep('theme', value)
}

/** Whether this browser had a session when it was last here: only then is one asked for. */
export function wasIn(): boolean {
  return kept('in') === 'yes'
}

export function setIn(is: boolean): void {
  keep('in', is ? 'yes' : 'no')
}

/** Set the page up as chosen before, else as the system asks. */
export function start(): void {
  document.documentElement.dataset['size'] = kept('size') === 'board' ? 'board' : 'desk'
  const dark = kept('theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')
  document.documentElement.dataset['theme'] = dark === 'dark' ? 'dark' : 'light'
}
