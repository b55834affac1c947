import type { Generation } from '../protocol/generation.ts'

/** Hands out generations. Each is higher than all before it, those of earlier starts included, as long as the epoch rises. */
export class Generations {
  readonly epoch: number
  #counter = 0

  constructor(epoch: number) {
    this.epoch = epoch
  }

  /** The highest so far. */
  get last(): Generation {
    return { epoch: this.epoch, counter: this.#counter }
  }

  next(): Generation {
    this.#counter += 1
    return { epoch: this.epoch, counter: this.#counter }
  }
}
