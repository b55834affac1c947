import { GliderError } from '../../protocol/errors.ts'
import type { ActionOutput } from '../output.ts'
import { MessageAction, type MessageParams } from './message-action.ts'
import { costOf, encodeMessages } from './messages.ts'
import { Params } from './params.ts'

const BATCH_BYTES = 64 * 1024

export interface TopicParams extends MessageParams {
  /** When the slowest reader is `maxBytes` behind: writers `wait` for it, or its stream is made to `fail`. @default 'wait' */
  readonly slow?: 'wait' | 'fail'
}

interface Reader {
  /** Number of its next message, counted from the first one ever. */
  next: number
  failed: boolean
}

/**
 * A topic: every reader sees every message that is accepted after it came, in one order for all. Takes lines or records, and gives them
 * in the same format until the call `close`. The messages of a stream are accepted together at its end (see `streaming`). Only what some
 * reader has still to see is kept, at most `maxBytes`; without readers nothing is.
 *
 * @example
 * await node.create('std/Topic', { params: { slow: 'fail' }, interleaved: true })
 */
export class Topic extends MessageAction<TopicParams> {
  static override readonly calls = ['close', 'size']
  #failsSlow = false
  readonly #readers = new Set<Reader>()
  /** From number `#first` on. */
  readonly #messages: Buffer[] = []
  #first = 0
  #cost = 0

  override onCreate(): void {
    const params = new Params('Topic', this.params)
    this.#failsSlow = params.choice('slow', ['wait', 'fail']) === 'fail'
    this.readParams(params, 'Topic')
  }

  override async onRead(output: ActionOutput): Promise<void> {
    const reader: Reader = { next: this.#first + this.#messages.length, failed: false }
    this.#readers.add(reader)
    this.changes.tell()
    try {
      for (;;) {
        if (reader.failed) {
          throw new GliderError(
            'NO_SPACE',
            `this reader is more than ${this.maxBytes} bytes behind: read faster, or raise params.maxBytes`,
          )
        }
        const messages = this.#batch(reader.next)
        if (messages.length > 0) {
          await output.write(encodeMessages(messages, this.format))
          reader.next += messages.length
          this.#forget()
        } else if (this.isOver) return
        else await this.changes.next(output.signal)
      }
    } finally {
      this.#readers.delete(reader)
      this.#forget()
    }
  }

  /** How many readers there are, and messages that not all of them have seen. */
  size(): { readers: number; messages: number; closed: boolean } {
    return { readers: this.#readers.size, messages: this.#messages.length, closed: this.isClosed }
  }

  /** Where slow readers fail, nobody waits for them. */
  protected override get held(): number {
    return this.#failsSlow ? 0 : this.#cost
  }

  protected override accept(messages: readonly Buffer[]): void {
    if (this.#readers.size === 0) {
      this.#first += messages.length
      return
    }
    for (const message of messages) {
      this.#messages.push(message)
      this.#cost += costOf(message)
    }
    while (this.#failsSlow && this.#cost > this.maxBytes && this.#failSlowest());
    this.changes.tell()
  }

  #batch(next: number): Buffer[] {
    const messages: Buffer[] = []
    let bytes = 0
    for (let at = next - this.#first; at < this.#messages.length; at++) {
      bytes += this.#messages[at]!.length
      if (messages.length > 0 && bytes > BATCH_BYTES) break
      messages.push(this.#messages[at]!)
    }
    return messages
  }

  /** Answers whether there was one that had something to see. */
  #failSlowest(): boolean {
    let slowest: Reader | undefined
    for (const reader of this.#readers) {
      if (!reader.failed && (!slowest || reader.next < slowest.next)) slowest = reader
    }
    // A single batch may be more than all the room; who has seen all else is not slow.
    if (!slowest || slowest.next > this.#first) return false
    slowest.failed = true
    this.#forget()
    return true
  }

  /** Drops what every reader has seen. */
  #forget(): void {
    let next = this.#first + this.#messages.length
    for (const reader of this.#readers) if (!reader.failed) next = Math.min(next, reader.next)
    const seen = next - this.#first
    if (seen === 0) return
    for (const message of this.#messages.splice(0, seen)) this.#cost -= costOf(message)
    this.#first = next
    this.changes.tell()
  }
}
