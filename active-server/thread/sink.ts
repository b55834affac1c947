import type { ChunkSink } from '../../actions/source.ts'
import type { GliderError } from '../../protocol/errors.ts'
import type { Outbox } from '../messages.ts'
import { fillRegion, type SharedArena } from '../shared-arena.ts'

/** A reader's bytes go over in pieces of at most this size. */
const PIECE_BYTES = 256 << 10
/** A stream may have so much on the way: more would only wait on the network thread. */
const MAX_ON_THE_WAY = 4 << 20
/** So much may be on the way in buffers of its own, where the shared memory is full of what other readers do not take. */
const OWN_BYTES = 64 << 10
/** The same where all streams together have more than they should. */
const SCARCE_OWN_BYTES = 4 << 10
const MANY_OWN_BYTES = 128 << 20
/** Pieces are told of at once when so much has gathered, otherwise at the end of the turn: waking a thread costs more than a piece. */
const TELL_BYTES = 1 << 20

interface Waiting {
  readonly bytes: Uint8Array
  done: number
  readonly isLent: boolean
  readonly resolve: () => void
  readonly reject: (error: GliderError) => void
}

/**
 * Memory that all sinks of a thread write to, and who waits for some of it. Always holds: buffers beside the shared memory are 128 MiB
 * at most, and beyond that 4 KiB for each stream.
 */
export class OutgoingMemory {
  readonly arena: SharedArena
  readonly #manyOwnBytes: number
  readonly #waiting = new Set<ThreadSink>()
  #ownBytes = 0

  constructor(arena: SharedArena, manyOwnBytes = MANY_OWN_BYTES) {
    this.arena = arena
    this.#manyOwnBytes = manyOwnBytes
  }

  /** What one stream may have on the way where the shared memory is full. */
  get ownRoom(): number {
    return this.#ownBytes + OWN_BYTES <= this.#manyOwnBytes ? OWN_BYTES : SCARCE_OWN_BYTES
  }

  tookOwn(bytes: number): void {
    this.#ownBytes += bytes
  }

  ownLeft(bytes: number): void {
    this.#ownBytes -= bytes
  }

  waitFor(sink: ThreadSink): void {
    this.#waiting.add(sink)
  }

  release(slab: number): void {
    this.arena.release(slab)
    if (this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const sink of waiting) sink.proceed()
  }
}

/**
 * The bytes of one read stream, copied into shared memory for the network thread to send, or in memory that was lent. Always holds: a
 * stream of which nothing is on the way never waits, whatever other streams have in the shared memory.
 */
export class ThreadSink implements ChunkSink {
  readonly #stream: number
  readonly #outbox: Outbox
  readonly #memory: OutgoingMemory
  readonly #waiting: Waiting[] = []
  /** Lent memory that is on the way, by the position in the stream behind its last byte. */
  readonly #lent: { readonly end: number; readonly resolve: () => void; readonly reject: (error: GliderError) => void }[] = []
  #onTheWay = 0
  /** Bytes that have ever been on the way. */
  #passed = 0
  #untold = 0
  #error: GliderError | undefined

  constructor(stream: number, outbox: Outbox, memory: OutgoingMemory) {
    this.#stream = stream
    this.#outbox = outbox
    this.#memory = memory
  }

  write(bytes: Uint8Array): Promise<void> | void {
    if (this.#error) return Promise.reject(this.#error)
    let done = 0
    if (this.#waiting.length === 0) {
      done = this.#copy(bytes, 0)
      if (done === bytes.length) return
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, done, isLent: false, resolve, reject })
    })
  }

  lend(bytes: Uint8Array): Promise<void> {
    if (this.#error) return Promise.reject(this.#error)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, done: 0, isLent: true, resolve, reject })
      if (this.#waiting.length === 1) this.proceed()
    })
  }

  /** Copies what there is room for; answers how far it has come. */
  #copy(bytes: Uint8Array, from: number): number {
    let done = from
    while (done < bytes.length && this.#onTheWay < MAX_ON_THE_WAY) {
      const { arena } = this.#memory
      let length = Math.min(PIECE_BYTES, bytes.length - done)
      // The rest of a slab is worth filling, unless next to nothing is left of it.
      if (length > arena.room && arena.room >= PIECE_BYTES / 4) length = arena.room
      const region = arena.allocate(length)
      if (region) {
        fillRegion(arena.memory, region, length === bytes.length ? bytes : bytes.subarray(done, done + length))
        this.#outbox.bytes(this.#stream, region.slab, region.offset, length)
      } else {
        length = Math.min(length, this.#memory.ownRoom - this.#onTheWay)
        if (length <= 0) {
          this.#memory.waitFor(this)
          return done
        }
        const own = new ArrayBuffer(length)
        new Uint8Array(own).set(bytes.subarray(done, done + length))
        this.#outbox.owned(this.#stream, own)
        this.#memory.tookOwn(length)
      }
      done += length
      this.#gone(length)
    }
    return done
  }

  /** Names what may go out of lent memory; answers how far it has come. */
  #name(bytes: Uint8Array, from: number): number {
    let done = from
    while (done < bytes.length && this.#onTheWay < MAX_ON_THE_WAY) {
      const piece = bytes.subarray(done, done + TELL_BYTES)
      this.#outbox.lent(this.#stream, piece)
      done += piece.length
      this.#gone(piece.length)
    }
    return done
  }

  #gone(bytes: number): void {
    this.#onTheWay += bytes
    this.#passed += bytes
    this.#untold += bytes
    if (this.#untold < TELL_BYTES) return
    this.#untold = 0
    this.#outbox.flush()
  }

  /** The network thread has sent so many bytes. */
  left(bytes: number): void {
    this.#onTheWay -= bytes
    while (this.#lent.length > 0 && this.#lent[0]!.end <= this.#passed - this.#onTheWay) this.#lent.shift()!.resolve()
    this.proceed()
  }

  proceed(): void {
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!
      first.done = first.isLent ? this.#name(first.bytes, first.done) : this.#copy(first.bytes, first.done)
      if (first.done < first.bytes.length) return
      this.#waiting.shift()
      if (first.isLent) this.#lent.push({ end: this.#passed, resolve: first.resolve, reject: first.reject })
      else first.resolve()
    }
  }

  failed(error: GliderError): void {
    this.#error = error
    for (const { reject } of this.#lent.splice(0)) reject(error)
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
