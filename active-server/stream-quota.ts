import { GliderError } from '../protocol/errors.ts'

/** How many streams of actions are open here. Always holds: no more than the namespace may have, as far as this server was told. */
export class StreamQuota {
  #open = 0
  /** None where it is undefined. */
  #most: number | undefined

  get open(): number {
    return this.#open
  }

  allow(most: number | undefined): void {
    this.#most = most
  }

  /** @throws GliderError QUOTA_EXCEEDED */
  enter(): void {
    if (this.#most !== undefined && this.#open >= this.#most) {
      throw new GliderError(
        'QUOTA_EXCEEDED',
        `${this.#open} of the ${this.#most} streams are open that the quota leaves this active server: close some, or ask the operator for more`,
      )
    }
    this.#open += 1
  }

  leave(): void {
    this.#open -= 1
  }

  /** For as long as `use` takes. */
  async during<T>(use: () => Promise<T>): Promise<T> {
    this.enter()
    try {
      return await use()
    } finally {
      this.leave()
    }
  }
}
