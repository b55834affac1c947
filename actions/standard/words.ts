import { GliderError } from '../../protocol/errors.ts'

/** The longest run of letters and digits that is taken. */
const MAX_RUN_BYTES = 64 * 1024
/** Of ASCII: what each byte of a word becomes, 0 where it belongs to none. */
const asciiAsItIs = table(byte => byte)
const asciiLower = table(byte => (byte >= 65 && byte <= 90 ? byte + 32 : byte))

/**
 * Finds the words of a text that comes in chunks cut anywhere: runs of letters, digits and marks of any script (of Unicode's classes
 * L, N and M). Plain ASCII is never decoded. What `fn` is given is lent until it returns.
 */
export class Words {
  readonly #bytes: Uint8Array
  readonly #caseSensitive: boolean
  readonly #fn: (bytes: Buffer, start: number, end: number) => void
  /** The run under way, as it will be given. */
  #run: Buffer = Buffer.allocUnsafeSlow(256)
  #length = 0
  /** All bits of its bytes: 128 is among them where it is not ASCII alone. */
  #seen = 0

  constructor(caseSensitive: boolean, fn: (bytes: Buffer, start: number, end: number) => void) {
    this.#caseSensitive = caseSensitive
    this.#bytes = caseSensitive ? asciiAsItIs : asciiLower
    this.#fn = fn
  }

  feed(chunk: Buffer): void {
    const bytes = this.#bytes
    let run = this.#run
    let length = this.#length
    let seen = this.#seen
    for (let at = 0; at < chunk.length; at++) {
      const byte = bytes[chunk[at]!]!
      if (byte !== 0) {
        if (length === run.length) run = this.#grow(length)
        run[length++] = byte
        seen |= byte
      } else if (length > 0) {
        this.#take(length, seen)
        length = 0
        seen = 0
      }
    }
    this.#length = length
    this.#seen = seen
  }

  /** No chunk follows. */
  finish(): void {
    if (this.#length > 0) this.#take(this.#length, this.#seen)
    this.#length = 0
  }

  #take(length: number, seen: number): void {
    const run = this.#run
    if (seen < 128) {
      this.#fn(run, 0, length)
      return
    }
    const text = run.toString('utf8', 0, length)
    for (const [word] of (this.#caseSensitive ? text : text.toLowerCase()).matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
      const bytes = Buffer.from(word)
      this.#fn(bytes, 0, bytes.length)
    }
  }

  #grow(length: number): Buffer {
    if (length >= MAX_RUN_BYTES) {
      throw new GliderError('INVALID_ARGUMENT', `a word is longer than ${MAX_RUN_BYTES} bytes: this is no text`)
    }
    const grown = Buffer.allocUnsafeSlow(2 * length)
    this.#run.copy(grown, 0, 0, length)
    this.#run = grown
    return grown
  }
}

/** `text` as it would be counted, undefined where it is not one word. */
export function wordOf(text: string, caseSensitive: boolean): Buffer | undefined {
  const found: Buffer[] = []
  const words = new Words(caseSensitive, (bytes, start, end) => {
    found.push(Buffer.from(bytes.subarray(start, end)))
  })
  words.feed(Buffer.from(text))
  words.finish()
  return found.length === 1 ? found[0] : undefined
}

/** Bytes of other scripts stay, for what they are is seen once they are decoded. */
function table(of: (byte: number) => number): Uint8Array {
  const isWord = (byte: number): boolean => byte >= 128 || /[0-9A-Za-z]/.test(String.fromCharCode(byte))
  return Uint8Array.from({ length: 256 }, (_, byte) => (isWord(byte) ? of(byte) : 0))
}
