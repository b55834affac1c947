/** How long the rest will take: what was expected of it, by how much longer than expected what is done has taken. */
export class TimeLeft {
  readonly #expected: readonly number[]
  #done = 0
  #taken = 0

  /** @param expected seconds of each part, in order */
  constructor(expected: readonly number[]) {
    this.#expected = expected
  }

  /** The next part is done, and took so long. */
  finished(seconds: number): void {
    this.#done++
    this.#taken += seconds
  }

  get seconds(): number {
    const expectedSoFar = sum(this.#expected.slice(0, this.#done))
    const rest = sum(this.#expected.slice(this.#done))
    return expectedSoFar > 0 ? (rest * this.#taken) / expectedSoFar : rest
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

export function duration(seconds: number): string {
  const rounded = Math.round(seconds)
  return rounded < 60 ? `${rounded} s` : `${Math.floor(rounded / 60)} min ${(rounded % 60).toString().padStart(2, '0')} s`
}
