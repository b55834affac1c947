import { checkBlockHead, lengthOf, offsetOf, READ_HEAD_BYTES, WRITE_HEAD_BYTES } from '../protocol/block-operations.ts'
import { catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { MAX_BODY_BYTES } from '../protocol/frame.ts'
import type { AnswerChannel, HandlerTable, RawReceiver } from '../protocol/handlers.ts'
import { encodeInventory } from '../protocol/inventory.ts'
import type { Grants, Guest } from '../server/grants.ts'
import type { Traffic } from '../server/traffic.ts'
import type { Blocks, Pinned } from './blocks.ts'
import type { Place } from './place-pool.ts'

const EMPTY = Buffer.alloc(0)
const { code: WRITE } = catalogue.writeBlock
const { code: READ } = catalogue.readBlock

/** What went in and out, for metrics. */
export interface BlockCounters {
  reads: number
  writes: number
  bytesIn: number
  bytesOut: number
}

/** Binds the operations on blocks. `blocks` throws until the server is registered. */
export function bindBlocks(handlers: HandlerTable, blocks: () => Blocks, counters: BlockCounters, grants: Grants): void {
  handlers.raw(catalogue.writeBlock, connection => new WriteReceiver(connection, blocks, counters, grants.guest(connection)))
  handlers.raw(catalogue.readBlock, connection => new ReadReceiver(connection, blocks, counters, grants.guest(connection)))
  handlers.answer(catalogue.freeBlocks, ({ blocks: freed }, { connection }) => {
    if (connection.peer.role !== 'metadata') throw new GliderError('FORBIDDEN', 'only the metadata server frees blocks')
    for (const [block, epoch, counter] of freed) blocks().free(block, { epoch, counter })
    return {}
  })
  handlers.answerBytes(catalogue.listBlocks, ({ first }, _body, { connection }) => {
    if (connection.peer.role !== 'metadata') throw new GliderError('FORBIDDEN', 'only the metadata server lists blocks')
    const { rows, next } = blocks().inventory(first)
    return { head: next === undefined ? {} : { next }, body: encodeInventory(rows) }
  })
}

/** A write whose bytes are being received. */
interface Landing {
  readonly blocks: Blocks
  readonly pinned: Pinned<Place>
  readonly memory: Buffer
  /** Of the namespace that it is for. */
  readonly traffic: Traffic | undefined
}

/** Bytes of a write land where their store wants them; the proof and the range are checked before the first of them. */
class WriteReceiver implements RawReceiver {
  readonly #connection: AnswerChannel
  readonly #blocks: () => Blocks
  readonly #counters: BlockCounters
  readonly #guest: Guest
  #landing: Landing | undefined

  constructor(connection: AnswerChannel, blocks: () => Blocks, counters: BlockCounters, guest: Guest) {
    this.#connection = connection
    this.#blocks = blocks
    this.#counters = counters
    this.#guest = guest
  }

  place(head: Buffer, bodyBytes: number): Uint8Array {
    checkBlockHead(head, WRITE_HEAD_BYTES)
    const offset = offsetOf(head)
    const blocks = this.#blocks()
    const pinned = blocks.beginWrite(head, offset, bodyBytes, this.#guest)
    const memory = blocks.store.land(pinned.place, offset, bodyBytes)
    this.#landing = { blocks, pinned, memory, traffic: this.#guest.traffic }
    return memory
  }

  received(head: Buffer, _body: Buffer, requestId: number): void {
    // A write without bytes has had no place yet: it is checked like any other, and changes nothing.
    if (!this.#landing) this.place(head, 0)
    const landing = this.#landing!
    this.#landing = undefined
    const offset = offsetOf(head)
    const { blocks, pinned, memory } = landing
    const kept = blocks.store.keep(pinned.place, offset, memory)
    if (kept) void this.#keep(kept, landing, offset, requestId)
    else {
      this.#kept(landing, offset, requestId)
      this.#connection.meter?.answered(WRITE)
    }
  }

  #kept({ blocks, pinned, memory, traffic }: Landing, offset: number, requestId: number): void {
    blocks.endWrite(pinned, offset, memory.length)
    if (traffic) {
      traffic.operations++
      traffic.bytesIn += memory.length
    }
    this.#counters.writes++
    this.#counters.bytesIn += memory.length
    if (this.#connection.meter) this.#connection.meter.received[WRITE]! += memory.length
    this.#connection.answerRaw(requestId, EMPTY, undefined)
  }

  async #keep(kept: Promise<void>, landing: Landing, offset: number, requestId: number): Promise<void> {
    const { blocks, pinned } = landing
    const { meter } = this.#connection
    const sinceMs = meter?.turnMs ?? 0
    const release = holdWhileBusy(this.#connection, blocks)
    let failure: GliderError | undefined
    try {
      await kept
    } catch (error) {
      failure = GliderError.from(error)
      blocks.unpin(pinned.place)
    }
    try {
      if (!failure) this.#kept(landing, offset, requestId)
    } catch (error) {
      failure = GliderError.from(error)
    }
    if (failure) refuse(this.#connection, WRITE, requestId, failure)
    meter?.ended(WRITE, sinceMs)
    release?.()
  }

  abandoned(): void {
    if (!this.#landing) return
    const { blocks, pinned, memory } = this.#landing
    this.#landing = undefined
    blocks.store.drop(memory)
    blocks.unpin(pinned.place)
  }
}

class ReadReceiver implements RawReceiver {
  readonly #connection: AnswerChannel
  readonly #blocks: () => Blocks
  readonly #counters: BlockCounters
  readonly #guest: Guest

  constructor(connection: AnswerChannel, blocks: () => Blocks, counters: BlockCounters, guest: Guest) {
    this.#connection = connection
    this.#blocks = blocks
    this.#counters = counters
    this.#guest = guest
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
    const place = blocks.beginRead(head, offset, length, this.#guest)
    const { traffic } = this.#guest
    if (traffic) {
      traffic.operations++
      traffic.bytesOut += length
    }
    const fetched = blocks.store.fetch(place, offset, length)
    if (fetched instanceof Promise) void this.#fetch(fetched, blocks, place, requestId)
    else {
      this.#fetched(fetched, blocks, place, requestId)
      this.#connection.meter?.answered(READ)
    }
  }

  #fetched(bytes: Buffer, blocks: Blocks, place: Place, requestId: number, release?: () => void): void {
    this.#counters.reads++
    this.#counters.bytesOut += bytes.length
    if (this.#connection.meter) this.#connection.meter.sent[READ]! += bytes.length
    this.#connection.answerRaw(requestId, EMPTY, bytes, () => {
      blocks.store.sent(bytes)
      blocks.unpin(place)
      release?.()
    })
  }

  async #fetch(fetched: Promise<Buffer>, blocks: Blocks, place: Place, requestId: number): Promise<void> {
    const { meter } = this.#connection
    const sinceMs = meter?.turnMs ?? 0
    const release = holdWhileBusy(this.#connection, blocks)
    let bytes: Buffer
    try {
      bytes = await fetched
    } catch (error) {
      blocks.unpin(place)
      meter?.ended(READ, sinceMs)
      refuse(this.#connection, READ, requestId, GliderError.from(error))
      release?.()
      return
    }
    meter?.ended(READ, sinceMs)
    this.#fetched(bytes, blocks, place, requestId, release)
  }

  abandoned(): void {}
}

/** An operation that came in an earlier turn has failed. */
function refuse(connection: AnswerChannel, code: number, requestId: number, error: GliderError): void {
  connection.meter?.failed(code, error.code)
  connection.answerError(requestId, error)
}

/** Where the store has much under way, the connection brings nothing more until this operation is over. */
function holdWhileBusy(connection: AnswerChannel, blocks: Blocks): (() => void) | undefined {
  if (!blocks.store.busy) return undefined
  connection.hold()
  return () => connection.release()
}
