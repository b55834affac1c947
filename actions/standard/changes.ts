/** Where those wait that wait for something to change. */
export class Changes {
  readonly #waiting = new Set<() => void>()

  /** Whoever waits looks again. */
  tell(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** Resolves at the next `tell`; rejects with the reason when the signal fires. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      const abort = (): void => {
        this.#waiting.delete(wake)
        reject(signal.reason)
      }
      const wake = (): void => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', abort, { once: true })
    })
  }
}
