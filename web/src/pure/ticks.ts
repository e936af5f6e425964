/** Round marks for an axis that holds `low` to `high`: 3 to 7 of them, steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number): number[] {
  const span = high - low > 1e-9 ? high - low : Math.max(Math.abs(high), 1)
  const rough = span / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough
  const first = Math.floor(low / step + 1e-9)
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1)
  const marks: number[] = []
  for (let at = first; at <= last; at += 1) marks.push(Number((at * step).toPrecision(12)))
  return marks
}
