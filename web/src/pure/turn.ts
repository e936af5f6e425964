let last: Promise<unknown> = Promise.resolve()

/** Do one thing after the other, in the order asked: what is looked at first is not held up by what is looked at later. */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = last.then(work, work)
  last = mine.catch(() => undefined)
  return mine
}
