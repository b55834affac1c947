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
  /** @default false for pieces that are worth lending: those leave from the action's memory, as a file's from its server's */
  readonly isCopied?: boolean
}

/** Smaller pieces are cheaper to copy. */
const LENT_FROM_BYTES = 256 << 10
/** Lent pieces that are under way together. */
const LENT_PIECES = 8

/** Gives as many bytes as it was told to, from one piece of warm memory. */
export class Generate extends Action<Giving | null> {
  static override calls = ['give']
  #giving: Giving = this.params ?? { bytes: 0, pieceBytes: 1 }
  #piece = pieceOf(this.#giving)

  give(giving: Giving): void {
    this.#giving = giving
    this.#piece = pieceOf(giving)
  }

  override async onRead(output: ActionOutput): Promise<void> {
    const piece = this.#piece
    const isLent = !this.#giving.isCopied && piece.length >= LENT_FROM_BYTES
    const lent: Promise<void>[] = []
    for (let left = this.#giving.bytes; left > 0; left -= piece.length) {
      const bytes = left < piece.length ? piece.subarray(0, left) : piece
      if (isLent) {
        if (lent.length === LENT_PIECES) await lent.shift()
        lent.push(output.lend(bytes))
      } else await output.write(bytes)
    }
    await Promise.all(lent)
  }
}

function pieceOf({ pieceBytes }: Giving): Buffer {
  return Buffer.from(new SharedArrayBuffer(pieceBytes)).fill(7)
}
