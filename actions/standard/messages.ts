import { GliderError } from '../../protocol/errors.ts'
import type { ActionInput } from '../input.ts'
import { MAX_LINE_BYTES } from '../lines.ts'
import type { Params } from './params.ts'

const LF = 10
const LENGTH_BYTES = 4
/** What a message takes beside its bytes. */
const COST_OF_MESSAGE = 100

/** How messages follow each other in a stream. */
export type MessageFormat = 'lines' | 'records'

export function messageFormatOf(params: Params): MessageFormat {
  return params.choice('format', ['lines', 'records'])
}

export function costOf(message: Buffer): number {
  return message.length + COST_OF_MESSAGE
}

/** Takes the messages of a stream, each as a copy; `between` is awaited now and then. A record that is cut off fails the stream. */
export async function forEachMessage(
  input: ActionInput,
  format: MessageFormat,
  fn: (message: Buffer) => void,
  between: () => void | Promise<void>,
): Promise<void> {
  if (format === 'lines') {
    await input.forEachLineBytes((chunk, start, end) => fn(Buffer.from(chunk.subarray(start, end))), between)
    return
  }
  const records = new Records(fn)
  await input.forEachChunk(chunk => {
    records.feed(chunk)
    return between()
  })
  records.finish()
}

/** The messages as they go to a reader. */
export function encodeMessages(messages: readonly Buffer[], format: MessageFormat): Buffer {
  const extra = format === 'lines' ? 1 : LENGTH_BYTES
  const out = Buffer.allocUnsafeSlow(messages.reduce((sum, message) => sum + message.length + extra, 0))
  let at = 0
  for (const message of messages) {
    if (format === 'records') at = out.writeUInt32BE(message.length, at)
    at += message.copy(out, at)
    if (format === 'lines') out[at++] = LF
  }
  return out
}

/** Splits chunks, cut anywhere, into records: four bytes of length, the highest first, and so many bytes. */
class Records {
  readonly #fn: (message: Buffer) => void
  readonly #head = Buffer.alloc(LENGTH_BYTES)
  /** Of the head, or of the record once that is there. */
  #filled = 0
  #record: Buffer | undefined

  constructor(fn: (message: Buffer) => void) {
    this.#fn = fn
  }

  feed(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const target = this.#record ?? this.#head
      const copied = chunk.copy(target, this.#filled, at)
      at += copied
      this.#filled += copied
      if (this.#filled === target.length) this.#complete(target)
    }
  }

  /** No chunk follows. */
  finish(): void {
    if (this.#record || this.#filled > 0) throw new GliderError('INVALID_ARGUMENT', 'the stream ends within a record')
  }

  #complete(target: Buffer): void {
    this.#filled = 0
    if (this.#record) {
      this.#record = undefined
      this.#fn(target)
      return
    }
    const length = target.readUInt32BE()
    if (length > MAX_LINE_BYTES) {
      throw new GliderError('INVALID_ARGUMENT', `a record of ${length} bytes: at most ${MAX_LINE_BYTES} (16 MiB) are taken`)
    }
    if (length === 0) this.#fn(Buffer.alloc(0))
    else this.#record = Buffer.allocUnsafeSlow(length)
  }
}
