/** Numbers that are given once, whoever of those who share it asks. */
export class Counter {
  #last: number

  /** @param last all are higher than this one */
  constructor(last: number) {
    this.#last = last
  }

  next(): number {
    this.#last += 1
    return this.#last
  }

  /** One that was given at an earlier start. */
  seen(number: number): void {
    this.#last = Math.max(this.#last, number)
  }
}
