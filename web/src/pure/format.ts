/** Numbers and words as they stand on the pages. A missing value is a dash with words for a screen reader elsewhere. */

export const GAP = 'not assessed'

/** A number with a fixed count of decimals, or the words for a gap. */
export function number(value: number | null | undefined, decimals = 0): string {
  return value === null || value === undefined || !Number.isFinite(value) ? GAP : value.toFixed(decimals)
}

/** A quantity with its unit; "not assessed" without one. */
export function quantity(value: number | null | undefined, unit: string, decimals = 0): string {
  const text = number(value, decimals)
  return text === GAP ? GAP : `${text} ${unit}`
}

/** Millilitres: one decimal below ten. */
export function millilitres(value: number | null | undefined): string {
  return quantity(value, 'mL', value !== null && value !== undefined && Math.abs(value) < 10 ? 1 : 0)
}

/** Segments of a lesion as words: the map of shares by falling share, without those under two per cent. */
export function segments(given: string | Record<string, number> | null | undefined): string {
  if (!given) return GAP
  if (typeof given === 'string') return given || GAP
  const names = Object.entries(given)
    .filter(([, share]) => share >= 2)
    .sort((a, b) => b[1] - a[1])
    .map(([name]) => name)
  return names.length ? names.join(' ') : GAP
}

/** A stamp of time in the reader's own zone, to the minute; unreadable stamps stay as they are. */
export function moment(stamp: string | null | undefined): string {
  if (!stamp) return ''
  const time = new Date(stamp)
  if (Number.isNaN(time.getTime())) return stamp
  const two = (part: number): string => String(part).padStart(2, '0')
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${two(time.getHours())}:${two(time.getMinutes())}`
}

/** First letter large. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Any value of a record as short text. */
export function plain(value: unknown): string {
  if (value === null || value === undefined || value === '') return GAP
  if (Array.isArray(value)) return value.length ? value.map(plain).join(', ') : 'none'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'object')
    return Object.entries(value)
      .map(([key, inner]) => `${words(key)}: ${plain(inner)}`)
      .join('; ')
  return String(value)
}

/** A key of a record as words. */
export function words(key: string): string {
  return key.replaceAll(/[_-]+/g, ' ')
}

/** "1 lesion", "3 lesions". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}

const LETTERS: readonly (readonly [string, string])[] = [
  ['X', 'removed'],
  ['A', 'ablated'],
  ['B', 'irradiated'],
  ['S', 'stays'],
  ['N', 'not planned'],
]

/** What the letters of a plan mean, those that occur, in a fixed order. */
export function letterKey(letters: readonly string[]): string {
  return LETTERS.filter(([letter]) => letters.includes(letter))
    .map(([letter, text]) => `${letter} ${text}`)
    .join(', ')
}
