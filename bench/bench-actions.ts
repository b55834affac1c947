import { Action, type ActionInput, type ActionOutput } from 'glider/action'

/** Takes whatever comes and keeps nothing. */
export class Drain extends Action {
  static override calls = ['taken']
  #bytes = 0

  override async onWrite(input: ActionInput): Promise<void> {
    await input.forEachChunk(chunk => {
      this.#bytes += chunk.length
    })
  }

  taken(): number {
    return this.#bytes
  }
}

/** The same with chunks of its own. */
export class Keep extends Action {
  static override calls = ['taken']
  #bytes = 0

  override async onWrite(input: ActionInput): Promise<void> {
    for await (const chunk of input) this.#bytes += chunk.length
  }

  taken(): number {
    return this.#bytes
  }
}

/** Sums by key as one would write it down first: lines as strings, sums in a Map. */
export class MergeText extends Action {
  readonly #sums = new Map<string, { sum: number }>()

  override async onWrite(input: ActionInput): Promise<void> {
    await input.forEachLine(line => {
      const comma = line.indexOf(',')
      const key = line.slice(0, comma)
      const value = Number(line.slice(comma + 1))
      const known = this.#sums.get(key)
      if (known) known.sum += value
      else this.#sums.set(key, { sum: value })
    })
  }
}

export interface Giving {
  readonly bytes: number
  readonly pieceBytes: number
}

/** Gives as many bytes as it was told to, from one piece of warm memory. */
export class Generate extends Action<Giving | null> {
  static override calls = ['give']
  #giving: Giving = this.params ?? { bytes: 0, pieceBytes: 1 }
  #piece = Buffer.alloc(this.#giving.pieceBytes, 7)

  give(giving: Giving): void {
    this.#giving = giving
    this.#piece = Buffer.alloc(giving.pieceBytes, 7)
  }

  override async onRead(output: ActionOutput): Promise<void> {
    const piece = this.#piece
    for (let left = this.#giving.bytes; left > 0; left -= piece.length) {
      await output.write(left < piece.length ? piece.subarray(0, left) : piece)
    }
  }
}
