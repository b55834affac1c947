/** 32 bits at a time, the same ones for the same seed. The generator sfc32 of Doty-Humphrey (PractRand). */
export class Random32 {
  #a: number
  #b = 0x9e3779b9 | 0
  #c = 0x243f6a88
  #counter = 1

  constructor(seed: number) {
    this.#a = seed | 0
    // Seeds that differ little begin alike.
    for (let round = 0; round < 12; round++) this.next()
  }

  /** A signed integer of 32 bits. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum
  }
}
