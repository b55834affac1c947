import { type Clock, every, type Timer } from './clock.ts'

const PING_MS = 5_000
const SILENCE_MS = 15_000

/** Pings every 5 s where nothing comes; a side that is silent for 15 s is given up. */
export class Liveness {
  readonly #clock: Clock
  readonly #timer: Timer
  #lastSeen: number
  #seenSinceTick = true

  constructor(clock: Clock, ping: () => void, giveUp: () => void) {
    this.#clock = clock
    this.#lastSeen = clock.now()
    this.#timer = every(clock, PING_MS, () => {
      if (this.#seenSinceTick) {
        this.#seenSinceTick = false
        this.#lastSeen = this.#clock.now()
      } else if (this.#clock.now() - this.#lastSeen >= SILENCE_MS) {
        giveUp()
        return
      }
      ping()
    })
  }

  /** Something came from the other side. */
  seen(): void {
    this.#seenSinceTick = true
  }

  stop(): void {
    this.#timer.cancel()
  }
}
