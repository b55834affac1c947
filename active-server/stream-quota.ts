import { GliderError } from '../protocol/errors.ts'
import type { OpenStreamsReport } from '../protocol/membership-operations.ts'

/** How many streams of actions are open here. Always holds: no more than the namespace may have, as far as this server was told. */
export class StreamQuota {
  #open = 0
  /** None where it is undefined. */
  #most: number | undefined
  /** Since the metadata server was told the last time. */
  #refused = false

  get open(): number {
    return this.#open
  }

  allow(most: number | undefined): void {
    this.#most = most
  }

  /** For the metadata server, which shares the quota out by it. */
  report(): OpenStreamsReport {
    const report = { open: this.#open, refused: this.#refused, ...(this.#most !== undefined && { allowed: this.#most }) }
    this.#refused = false
    return report
  }

  /** @throws GliderError QUOTA_EXCEEDED */
  enter(): void {
    if (this.#most !== undefined && this.#open >= this.#most) {
      this.#refused = true
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
