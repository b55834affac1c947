import type { Stopwatch } from '../clock.system.ts'
import type { Output } from '../session.ts'

const LABEL_WIDTH = 38

/** Tells how many bytes more have been worked on. */
export type Progress = (bytes: number) => void

/** Runs phases and shows one line for each: on a terminal while it runs, and in the end anywhere. */
export class PhaseDisplay {
  readonly #output: Output
  readonly #now: Stopwatch

  constructor(output: Output, now: Stopwatch) {
    this.#output = output
    this.#now = now
  }

  async phase<T>(
    label: string,
    totalBytes: number,
    work: (progress: Progress) => Promise<T>,
  ): Promise<{ result: T; seconds: number }> {
    const live = this.#output.isTTY ?? false
    const start = label.padEnd(LABEL_WIDTH)
    const startedAt = this.#now()
    let done = 0
    let shown = -1
    const progress: Progress = bytes => {
      done += bytes
      const percent = totalBytes === 0 ? 0 : Math.min(100, Math.floor((100 * done) / totalBytes))
      if (live && percent !== shown) this.#output.write(`\r${start} ${`${percent}`.padStart(5)} %`)
      shown = percent
    }
    if (live) this.#output.write(start)
    try {
      const result = await work(progress)
      const seconds = (this.#now() - startedAt) / 1e3
      this.#output.write(`${live ? '\r\x1b[K' : ''}${start} ${seconds.toFixed(2).padStart(5)} s\n`)
      return { result, seconds }
    } catch (error) {
      if (live) this.#output.write('\r\x1b[K')
      throw error
    }
  }
}
