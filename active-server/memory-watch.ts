import { type Clock, every, type Timer } from '../protocol/clock.ts'
import { formatSize } from '../protocol/units.ts'

/** What a thread may be limited to at least: it takes some of that itself, and with next to nothing does not even start. */
export const LEAST_THREAD_MEMORY_BYTES = 32 << 20

const LOOK_MS = 50
/** Threads are asked when the process has changed by so much, and else at every twentieth look. */
const CHANGE_BYTES = 4 << 20
const LOOKS_AT_REST = 20
/** So much over its limit garbage is collected at once, otherwise once a second at most. */
const GARBAGE_FACTOR = 1.25

/** The memory of the process that this runs in. */
export interface ProcessMemory {
  /** What is resident of the whole process. */
  resident(): number
  /** What the network thread holds by itself. */
  own(): number
}

/** One action thread, as far as its memory goes. */
export interface MeasuredThread {
  /** Asks it for what it holds; with `collect` without its garbage. The answer goes to {@link MemoryWatch.measured}. */
  measure(collect: boolean): void
  /** Ends it, with all its objects. */
  terminate(cause: string): void
}

interface Known {
  /** At its last answer. */
  told: number
  /** The same, and how much the process has grown since by what nobody else has answered for. */
  estimate: number
  /** Looks since it was asked; undefined when it has answered. */
  asked: number | undefined
  collecting: boolean
  /** The look at which its garbage was collected last. */
  collectedAt: number
}

/**
 * Ends threads that hold more than their limit. What a thread says of itself is exact, but one that is busy in a turn says
 * nothing: its share is what the resident memory of the process has grown by since. Always holds: a thread that answers is ended
 * only for what it still holds after its garbage was collected, and while an ended one has not gone, no other is ended for an
 * estimate.
 */
export class MemoryWatch {
  readonly #memory: ProcessMemory
  readonly #limit: number
  readonly #timer: Timer
  readonly #threads = new Map<MeasuredThread, Known>()
  /** Ended, and still there. */
  readonly #going = new Set<MeasuredThread>()
  #resident: number
  /** What is not the threads' that do not answer. */
  #explained = 0
  #askedAt = 0
  #looks = 0
  /** The numbers before cannot be compared with those to come. */
  #changed = true

  constructor(clock: Clock, memory: ProcessMemory, limitBytes: number) {
    this.#memory = memory
    this.#limit = limitBytes
    this.#resident = memory.resident()
    this.#timer = every(clock, LOOK_MS, () => this.#look())
  }

  add(thread: MeasuredThread): void {
    this.#threads.set(thread, { told: 0, estimate: 0, asked: undefined, collecting: false, collectedAt: -LOOKS_AT_REST })
    this.#changed = true
    this.#ask(thread)
  }

  /** Its objects are gone, and its memory soon will be. */
  ended(thread: MeasuredThread): void {
    if (this.#threads.delete(thread)) this.#going.add(thread)
    this.#changed = true
  }

  gone(thread: MeasuredThread): void {
    this.#threads.delete(thread)
    // What the others were suspected of may have been its doing: they start anew.
    if (this.#going.delete(thread)) for (const known of this.#threads.values()) known.estimate = known.told
    this.#changed = true
  }

  measured(thread: MeasuredThread, bytes: number, collected: boolean): void {
    const known = this.#threads.get(thread)
    if (!known) return
    known.told = bytes
    known.estimate = bytes
    if (known.collecting && !collected) return
    known.asked = undefined
    known.collecting = false
    if (bytes <= this.#limit) return
    if (collected) {
      this.#end(thread, bytes)
      return
    }
    // One that lives just below its limit is not to spend its time on collecting.
    const isRecent = this.#looks - known.collectedAt < LOOKS_AT_REST
    if (isRecent && bytes < this.#limit * GARBAGE_FACTOR) return
    known.collectedAt = this.#looks
    this.#ask(thread, true)
  }

  stop(): void {
    this.#timer.cancel()
  }

  #look(): void {
    const resident = this.#memory.resident()
    const explained = this.#memory.own() + [...this.#threads.values()].reduce((sum, { told }) => sum + told, 0)
    if (!this.#changed && this.#going.size === 0) this.#grown(resident - this.#resident, explained - this.#explained)
    this.#changed = false
    this.#resident = resident
    this.#explained = explained
    this.#looks += 1
    const isDue = Math.abs(resident - this.#askedAt) >= CHANGE_BYTES || this.#looks % LOOKS_AT_REST === 0
    if (isDue) this.#askedAt = resident
    for (const [thread, known] of this.#threads) {
      if (known.asked !== undefined) known.asked += 1
      else if (isDue) this.#ask(thread)
    }
  }

  /** What nobody has answered for is put down to each that does not answer: one of them it was. */
  #grown(residentBytes: number, explainedBytes: number): void {
    let first: [MeasuredThread, Known] | undefined
    for (const [thread, known] of this.#threads) {
      known.estimate += residentBytes - explainedBytes
      const isBusy = known.asked !== undefined && known.asked >= 1
      if (isBusy && known.estimate > this.#limit && known.estimate > (first?.[1].estimate ?? 0)) first = [thread, known]
    }
    if (first) this.#end(first[0], first[1].estimate)
  }

  #ask(thread: MeasuredThread, collect = false): void {
    const known = this.#threads.get(thread)!
    known.asked = 0
    known.collecting = collect
    thread.measure(collect)
  }

  #end(thread: MeasuredThread, bytes: number): void {
    thread.terminate(`its objects hold ${formatSize(bytes)} of memory, more than the ${formatSize(this.#limit)} of a thread`)
  }
}
