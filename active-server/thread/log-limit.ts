import type { Clock } from '../../protocol/clock.ts'

/** So much may be said at once, and so much more each second. */
const BURST = { lines: 500, bytes: 256 << 10 } as const
const PER_SECOND = { lines: 100, bytes: 64 << 10 } as const
/** What was dropped is told so long after the first of it. */
const TELL_MS = 1_000

/** What was not let through since it was told last. */
export interface Dropped {
  readonly lines: number
  readonly bytes: number
  /** Of the lines, those that were uncaught errors. */
  readonly errors: number
}

/**
 * How much one object may log. Always holds: over any time, what was let through is at most the burst and the rate times that
 * time; what was not is counted, and told of at most once a second.
 */
export class LogLimit {
  readonly #clock: Clock
  readonly #tell: (dropped: Dropped) => void
  readonly #left: { lines: number; bytes: number } = { ...BURST }
  #filledMs: number
  #dropped = { lines: 0, bytes: 0, errors: 0 }
  #telling = false

  constructor(clock: Clock, tell: (dropped: Dropped) => void) {
    this.#clock = clock
    this.#tell = tell
    this.#filledMs = clock.now()
  }

  /** Whether a line of so many bytes may go out; it counts as dropped otherwise. */
  allows(bytes: number, isError = false): boolean {
    this.#fill()
    if (this.#left.lines >= 1 && this.#left.bytes >= bytes) {
      this.#left.lines -= 1
      this.#left.bytes -= bytes
      return true
    }
    this.#dropped.lines += 1
    if (isError) this.#dropped.errors += 1
    this.cut(bytes)
    return false
  }

  /** So many bytes of a line that was let through are left out. */
  cut(bytes: number): void {
    this.#dropped.bytes += bytes
    if (this.#telling) return
    this.#telling = true
    this.#clock.after(TELL_MS, () => {
      this.#telling = false
      const dropped = this.#dropped
      this.#dropped = { lines: 0, bytes: 0, errors: 0 }
      this.#tell(dropped)
    })
  }

  #fill(): void {
    const now = this.#clock.now()
    const seconds = (now - this.#filledMs) / 1_000
    this.#filledMs = now
    this.#left.lines = Math.min(BURST.lines, this.#left.lines + seconds * PER_SECOND.lines)
    this.#left.bytes = Math.min(BURST.bytes, this.#left.bytes + seconds * PER_SECOND.bytes)
  }
}
