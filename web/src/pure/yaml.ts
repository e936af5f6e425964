import type { Problem } from '../types.ts'

/** Problems under the line they belong to; those without a line come under 0. */
export function byLine(problems: readonly Problem[]): Map<number, Problem[]> {
  const lines = new Map<number, Problem[]>()
  for (const problem of problems) {
    const line = problem.line ?? 0
    lines.set(line, [...(lines.get(line) ?? []), problem])
  }
  return lines
}

/** One problem in words: what it is about, what was given and what may stand there. */
export function problemWords(problem: Problem): string {
  const about = problem.key ?? problem.about
  const allowed = Array.isArray(problem.allowed) ? problem.allowed.join(', ') : problem.allowed
  return [
    about ? `${about}: ${problem.text}` : problem.text,
    problem.given !== undefined && problem.given !== null ? `given ${JSON.stringify(problem.given)}` : '',
    allowed ? `allowed ${String(allowed)}` : '',
  ]
    .filter(Boolean)
    .join('; ')
}
