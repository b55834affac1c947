import { type Clock, every, type Timer } from './clock.ts'

const PING_MS = 5_000
/** 15 s of silence. Turns are counted, not time: a process that has slept finds what came meanwhile before it gives up. */
const SILENT_TURNS = 3

/** Pings every 5 s; a side that is silent for 15 s is given up. */
export class Liveness {
  readonly #timer: Timer
  #seen = true
  #silentTurns = 0

  constructor(clock: Clock, ping: () => void, giveUp: () => void) {
    this.#timer = every(clock, PING_MS, () => {
      this.#silentTurns = this.#seen ? 0 : this.#silentTurns + 1
      this.#seen = false
      if (this.#silentTurns >= SILENT_TURNS) giveUp()
      else ping()
    })
  }

  /** Something came from the other side. */
  seen(): void {
    this.#seen = true
  }

  stop(): void {
    this.#timer.cancel()
  }
}
