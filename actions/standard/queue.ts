import { systemClock } from '../../protocol/clock.system.ts'
import type { Timer } from '../../protocol/clock.ts'
import { GliderError } from '../../protocol/errors.ts'
import type { ActionOutput } from '../output.ts'
import { MessageAction, type MessageParams } from './message-action.ts'
import { costOf, encodeMessages } from './messages.ts'
import { Params } from './params.ts'

/** What a reader is given at a time, so that several share what there is. */
const BATCH_BYTES = 16 * 1024
const MAX_TAKEN = 1000
/** An answer of a call has at most 1 MiB of JSON, and a character may take six bytes there. */
const TAKEN_BYTES = 128 * 1024

export interface QueueParams extends MessageParams {
  /** How long messages of the call `take` may stay unconfirmed before they go back, in milliseconds. @default 30000 */
  readonly takenMs?: number
}

interface Taken {
  readonly messages: readonly Buffer[]
  readonly timer: Timer
}

export interface TakenMessages {
  /** For `confirm` or `giveBack`. */
  readonly receipt: number
  /** As text; those of records as base64. */
  readonly messages: readonly string[]
  /** Nothing is left and nothing will come. */
  readonly over: boolean
}

/**
 * A queue: every message goes to exactly one reader, first in, first out. Takes lines or records, and gives them in the same format;
 * readers wait for more until the call `close`. The messages of a stream come in together at its end (see `streaming`); while there
 * are more than `maxBytes`, writers wait.
 *
 * What was being handed to a reader that dies goes back to the front. What had been handed over before and was still on its way, at
 * most its stream's window, is gone with it: who must not lose any uses the calls `take` and then `confirm` (or `giveBack`), where
 * messages that are not confirmed within `takenMs` go back.
 *
 * @example
 * await node.create('std/Queue', { interleaved: true })
 * const { receipt, messages } = await node.call('take', { max: 10 })
 * await node.call('confirm', receipt)
 */
export class Queue extends MessageAction<QueueParams> {
  static override readonly calls = ['close', 'confirm', 'giveBack', 'size', 'take']
  #takenMs = 0
  /** The messages from `#first` on wait; those before have gone, and are cut off now and then. */
  #messages: Buffer[] = []
  #first = 0
  #cost = 0
  readonly #taken = new Map<number, Taken>()
  /** Handed to readers that have not taken them yet. */
  #onTheWay = 0
  #receipts = 0

  override onCreate(): void {
    const params = new Params('Queue', this.params)
    this.#takenMs = params.integer('takenMs', 30_000, 1)
    this.readParams(params, 'Queue')
  }

  override onDelete(): void {
    for (const { timer } of this.#taken.values()) timer.cancel()
  }

  override async onRead(output: ActionOutput): Promise<void> {
    for (;;) {
      const messages = this.#take(BATCH_BYTES, Number.POSITIVE_INFINITY)
      if (messages.length === 0) {
        if (this.#isOver) return
        await this.changes.next(output.signal)
        continue
      }
      this.#onTheWay++
      try {
        await output.write(encodeMessages(messages, this.format))
      } catch (error) {
        this.#putBack(messages)
        throw error
      } finally {
        this.#onTheWay--
        this.changes.tell()
      }
    }
  }

  /** Takes up to `max` messages, at most 1,000 and 128 KiB or else one, without waiting for any. */
  take(value: unknown): TakenMessages {
    const max = new Params('take', value).integer('max', 1, 1, MAX_TAKEN)
    const messages = this.#take(TAKEN_BYTES, max)
    const over = messages.length === 0 && this.#isOver
    if (messages.length === 0) return { receipt: 0, messages: [], over }
    const receipt = ++this.#receipts
    const timer = systemClock.after(this.#takenMs, () => this.giveBack(receipt))
    this.#taken.set(receipt, { messages, timer })
    return { receipt, messages: messages.map(message => message.toString(this.format === 'lines' ? 'utf8' : 'base64')), over }
  }

  /** The messages have been dealt with. Answers whether they were still held: otherwise they had gone back. */
  confirm(receipt: unknown): boolean {
    return this.#settle(receipt) !== undefined
  }

  /** The messages go to somebody else. Answers whether they were still held. */
  giveBack(receipt: unknown): boolean {
    const taken = this.#settle(receipt)
    if (taken) this.#putBack(taken.messages)
    return taken !== undefined
  }

  /** How many messages wait, and how many are taken and not confirmed. */
  size(): { waiting: number; taken: number; closed: boolean } {
    let taken = 0
    for (const { messages } of this.#taken.values()) taken += messages.length
    return { waiting: this.#messages.length - this.#first, taken, closed: this.isClosed }
  }

  protected override get held(): number {
    return this.#cost
  }

  protected override accept(messages: readonly Buffer[]): void {
    for (const message of messages) {
      this.#messages.push(message)
      this.#cost += costOf(message)
    }
    this.changes.tell()
  }

  /** What is with a reader or taken may come back. */
  get #isOver(): boolean {
    return this.isOver && this.#onTheWay === 0 && this.#taken.size === 0 && this.#first === this.#messages.length
  }

  #take(maxBytes: number, max: number): Buffer[] {
    const messages: Buffer[] = []
    for (let bytes = 0; this.#first < this.#messages.length && messages.length < max; this.#first++) {
      const message = this.#messages[this.#first]!
      bytes += message.length
      if (messages.length > 0 && bytes > maxBytes) break
      messages.push(message)
      this.#cost -= costOf(message)
    }
    if (2 * this.#first > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#first)
      this.#first = 0
    }
    if (messages.length > 0) this.changes.tell()
    return messages
  }

  #putBack(messages: readonly Buffer[]): void {
    this.#messages = [...messages, ...this.#messages.slice(this.#first)]
    this.#first = 0
    for (const message of messages) this.#cost += costOf(message)
    this.changes.tell()
  }

  #settle(receipt: unknown): Taken | undefined {
    if (typeof receipt !== 'number') {
      throw new GliderError('INVALID_ARGUMENT', `this call takes the receipt of a take, a number, not ${JSON.stringify(receipt)}`)
    }
    const taken = this.#taken.get(receipt)
    this.#taken.delete(receipt)
    taken?.timer.cancel()
    this.changes.tell()
    return taken
  }
}
