/** Work that goes on at the same time, up to a limit; what is beyond it waits for its turn. Always holds: running ≤ most. */
export class Lane {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  readonly #idle: (() => void)[] = []
  #running = 0

  constructor(most: number) {
    this.#most = most
  }

  get running(): number {
    return this.#running
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    // Whoever makes room hands it on, so that nobody comes in between.
    if (this.#running < this.#most) this.#running++
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#left()
    }
  }

  /** Resolves once nothing runs. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve()
    return new Promise(resolve => this.#idle.push(resolve))
  }

  #left(): void {
    this.#running--
    if (this.#running > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
