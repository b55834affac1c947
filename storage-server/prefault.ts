import type { Clock, Timer } from '../protocol/clock.ts'
import type { BlockMemory, DramStore } from './dram-store.ts'
import type { PlacePool } from './place-pool.ts'

/** How much memory is touched before blocks need it: that of all blocks, some ahead of use, or none. */
export const prefaultChoices = ['all', 'ahead', 'off'] as const
export type PrefaultChoice = (typeof prefaultChoices)[number]

/** So much is kept touched ahead of use. */
const AHEAD_BYTES = 256 << 20
/** Touched in one turn: about a millisecond of memory that is new to the machine. */
const PIECE_BYTES = 256 << 10
/** A busy server touches a piece this often. */
const BUSY_PAUSE_MS = 10

export interface PrefaultOptions {
  readonly clock: Clock
  readonly choice: PrefaultChoice
  readonly store: DramStore
  readonly pool: PlacePool<BlockMemory>
  /** Blocks of the server. */
  readonly count: number
  readonly blockBytes: number
  /** Operations so far: where it stands still, the server has time. */
  readonly operations: () => number
}

/**
 * Makes the memory of blocks before they need it, since memory that nobody has touched yet takes ten times as long to write to.
 * Always holds: of a busy server it takes at most a piece's time in ten milliseconds.
 */
export class Prefault {
  readonly #options: PrefaultOptions
  readonly #limit: number
  #making: { readonly place: BlockMemory; touched: number } | undefined
  #operations = 0
  #timer: Timer | undefined
  #running = false
  #stopped = false

  constructor(options: PrefaultOptions) {
    this.#options = options
    const { choice, count, blockBytes } = options
    options.pool.onFreshTaken = () => this.#proceed()
    this.#limit = choice === 'all' ? count : choice === 'ahead' ? Math.ceil(AHEAD_BYTES / blockBytes) : 0
    this.#proceed()
  }

  #proceed(): void {
    if (this.#running || this.#stopped || !this.#wanted) return
    this.#running = true
    this.#options.clock.soon(this.#step)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  get #wanted(): boolean {
    const { pool, count } = this.#options
    return pool.ready < this.#limit && pool.made < count
  }

  readonly #step = (): void => {
    if (this.#stopped) return
    const { clock, store, pool, blockBytes, operations } = this.#options
    const making = this.#making ?? { place: pool.make(), touched: 0 }
    const piece = Math.min(PIECE_BYTES, blockBytes - making.touched)
    store.touch(making.place, making.touched, piece)
    making.touched += piece
    this.#making = making
    if (making.touched === blockBytes) {
      this.#making = undefined
      pool.stock(making.place)
      if (!this.#wanted) {
        this.#running = false
        return
      }
    }
    const isBusy = operations() !== this.#operations
    this.#operations = operations()
    if (isBusy) this.#timer = clock.after(BUSY_PAUSE_MS, this.#step)
    else clock.soon(this.#step)
  }
}
