import { checkBlockHead, lengthOf, offsetOf, READ_HEAD_BYTES, WRITE_HEAD_BYTES } from '../protocol/block-operations.ts'
import { catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { MAX_BODY_BYTES } from '../protocol/frame.ts'
import type { AnswerChannel, HandlerTable, RawReceiver } from '../protocol/handlers.ts'
import type { DramBlocks, Pinned } from './dram-blocks.ts'

const EMPTY = Buffer.alloc(0)

/** What went in and out, for metrics. */
export interface BlockCounters {
  reads: number
  writes: number
  bytesIn: number
  bytesOut: number
}

/** Binds the operations on blocks. `blocks` throws until the server is registered. */
export function bindBlocks(handlers: HandlerTable, blocks: () => DramBlocks, counters: BlockCounters): void {
  handlers.raw(catalogue.writeBlock, connection => new WriteReceiver(connection, blocks, counters))
  handlers.raw(catalogue.readBlock, connection => new ReadReceiver(connection, blocks, counters))
  handlers.answer(catalogue.freeBlocks, ({ blocks: freed }, { connection }) => {
    if (connection.peer.role !== 'metadata') throw new GliderError('FORBIDDEN', 'only the metadata server frees blocks')
    for (const [block, epoch, counter] of freed) blocks().free(block, { epoch, counter })
    return {}
  })
}

/** Bytes of a write land in their block; the proof and the range are checked before the first of them. */
class WriteReceiver implements RawReceiver {
  readonly #connection: AnswerChannel
  readonly #blocks: () => DramBlocks
  readonly #counters: BlockCounters
  #pinned: Pinned | undefined

  constructor(connection: AnswerChannel, blocks: () => DramBlocks, counters: BlockCounters) {
    this.#connection = connection
    this.#blocks = blocks
    this.#counters = counters
  }

  place(head: Buffer, bodyBytes: number): Uint8Array {
    checkBlockHead(head, WRITE_HEAD_BYTES)
    const offset = offsetOf(head)
    this.#pinned = this.#blocks().beginWrite(head, offset, bodyBytes)
    return this.#pinned.memory.bytes.subarray(offset, offset + bodyBytes)
  }

  received(head: Buffer, body: Buffer, requestId: number): void {
    // A write without bytes has had no place yet: it is checked like any other, and changes nothing.
    if (!this.#pinned) this.place(head, 0)
    const pinned = this.#pinned!
    this.#pinned = undefined
    this.#blocks().endWrite(pinned, offsetOf(head), body.length)
    this.#counters.writes++
    this.#counters.bytesIn += body.length
    this.#connection.answerRaw(requestId, EMPTY, undefined)
  }

  abandoned(): void {
    if (this.#pinned) this.#blocks().unpin(this.#pinned.memory)
    this.#pinned = undefined
  }
}

class ReadReceiver implements RawReceiver {
  readonly #connection: AnswerChannel
  readonly #blocks: () => DramBlocks
  readonly #counters: BlockCounters

  constructor(connection: AnswerChannel, blocks: () => DramBlocks, counters: BlockCounters) {
    this.#connection = connection
    this.#blocks = blocks
    this.#counters = counters
  }

  place(): undefined {
    throw new GliderError('INVALID_ARGUMENT', 'a read brings no bytes')
  }

  received(head: Buffer, _body: Buffer, requestId: number): void {
    checkBlockHead(head, READ_HEAD_BYTES)
    const offset = offsetOf(head)
    const length = lengthOf(head)
    if (length > MAX_BODY_BYTES)
      throw new GliderError('INVALID_ARGUMENT', `a read of ${length} bytes is over ${MAX_BODY_BYTES}: split it`)
    const blocks = this.#blocks()
    const memory = blocks.beginRead(head, offset, length)
    this.#counters.reads++
    this.#counters.bytesOut += length
    this.#connection.answerRaw(requestId, EMPTY, memory.bytes.subarray(offset, offset + length), () => blocks.unpin(memory))
  }

  abandoned(): void {}
}
