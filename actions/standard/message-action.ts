import { GliderError } from '../../protocol/errors.ts'
import { Action, isInterleaved } from '../action.ts'
import type { ActionInput } from '../input.ts'
import { Changes } from './changes.ts'
import { costOf, forEachMessage, type MessageFormat, messageFormatOf } from './messages.ts'
import { MiB, type Params } from './params.ts'

export interface MessageParams {
  /** Messages are lines, or records: four bytes of length, the highest first, and so many bytes. @default 'lines' */
  readonly format?: 'lines' | 'records'
  /**
   * Whether each message goes on as it comes. Otherwise those of a stream go on together at its end, so that a stream that fails
   * leaves none and may be repeated. @default false
   */
  readonly streaming?: boolean
  /** Bound of the messages held, each with 100 bytes more than its own: writers wait for room. @default 64 MiB */
  readonly maxBytes?: number
}

/**
 * What Queue and Topic share: messages come in, wait for room, and whoever waits for them hears of it. Has to be interleaved, for
 * those who wait must not keep from their turn those whom they wait for.
 */
export abstract class MessageAction<P extends MessageParams> extends Action<P> {
  protected readonly changes = new Changes()
  protected format: MessageFormat = 'lines'
  protected maxBytes = 0
  #streaming = false
  #closed = false
  #writers = 0

  /** Takes messages, and answers at once. */
  protected abstract accept(messages: readonly Buffer[]): void
  /** What the messages held cost. */
  protected abstract readonly held: number

  /** No message will come any more. */
  protected get isOver(): boolean {
    return this.#closed && this.#writers === 0
  }

  protected get isClosed(): boolean {
    return this.#closed
  }

  protected readParams(params: Params, name: string): void {
    this.format = messageFormatOf(params)
    this.#streaming = params.boolean('streaming')
    this.maxBytes = params.bytes('maxBytes', 64 * MiB)
    params.finish()
    if (isInterleaved(this)) return
    throw new GliderError(
      'INVALID_ARGUMENT',
      `std/${name} has to be created with interleaved: true, for its readers and writers wait for each other`,
    )
  }

  /** No stream that opens from now on may write; readers come to their end once they have what is there, and what open writers still bring. */
  close(): void {
    this.#closed = true
    this.changes.tell()
  }

  override async onWrite(input: ActionInput): Promise<void> {
    if (this.#closed) throw new GliderError('INVALID_ARGUMENT', `${this.path} has been closed: it takes no more messages`)
    this.#writers++
    try {
      await (this.#streaming ? this.#writeEach(input) : this.#writeWhole(input))
    } finally {
      this.#writers--
      this.changes.tell()
    }
  }

  async #writeEach(input: ActionInput): Promise<void> {
    let messages: Buffer[] = []
    const pass = async (): Promise<void> => {
      const ready = messages
      messages = []
      for (let at = 0; at < ready.length; ) {
        const count = this.#fitting(ready, at)
        if (count === 0) await this.changes.next(input.signal)
        else this.accept(ready.slice(at, at + count))
        at += count
      }
    }
    await forEachMessage(
      input,
      this.format,
      message => messages.push(message),
      () => (messages.length > 0 ? pass() : undefined),
    )
    await pass()
  }

  async #writeWhole(input: ActionInput): Promise<void> {
    const messages: Buffer[] = []
    let cost = 0
    await forEachMessage(
      input,
      this.format,
      message => {
        messages.push(message)
        cost += costOf(message)
      },
      () => {
        if (cost <= this.maxBytes) return
        throw new GliderError(
          'NO_SPACE',
          `a stream brings more than the ${this.maxBytes} bytes that may be held: raise params.maxBytes, set params.streaming, or write shorter streams`,
        )
      },
    )
    while (!this.#fits(cost)) await this.changes.next(input.signal)
    this.accept(messages)
  }

  /** What needs more than there is at all gets it alone. */
  #fits(cost: number): boolean {
    return this.held === 0 || this.held + cost <= this.maxBytes
  }

  /** How many messages there is room for, from number `first` on. */
  #fitting(messages: readonly Buffer[], first: number): number {
    let cost = 0
    let at = first
    for (; at < messages.length; at++) {
      const more = cost + costOf(messages[at]!)
      if (!this.#fits(more) || (at > first && more > this.maxBytes)) break
      cost = more
    }
    return at - first
  }
}
