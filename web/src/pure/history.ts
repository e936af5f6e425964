/** Undo and redo of edits, each of which is a version: going back makes a new version equal to an old one. */
export class History {
  readonly #back: number[] = []
  readonly #forth: number[] = []

  /** Start with the version before the newest, when there is one: the last edit of an earlier visit can be undone too. */
  constructor(before: number | null = null) {
    if (before !== null && before > 0) this.#back.push(before)
  }

  /** An edit was made on `before`. */
  edited(before: number): void {
    this.#back.push(before)
    this.#forth.length = 0
  }

  get undo(): number | null {
    return this.#back.at(-1) ?? null
  }

  get redo(): number | null {
    return this.#forth.at(-1) ?? null
  }

  /** The undo asked for is done: `shown` was the version whose content was left. */
  undone(shown: number): void {
    this.#back.pop()
    this.#forth.push(shown)
  }

  redone(shown: number): void {
    this.#forth.pop()
    this.#back.push(shown)
  }
}
