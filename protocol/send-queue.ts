import { type FrameKind, HEADER_BYTES, writeHeader } from './frame.ts'
import type { Slab, SlabPool } from './slab.ts'
import type { Transport } from './transport.ts'

/** The kernel is handed at most so many bytes of bodies ahead, so that what is urgent never waits behind more than these. */
const MAX_AHEAD_BYTES = 1 << 20
/** Bodies up to this size are copied behind their head: cheaper than a buffer of their own in the write. */
export const COPY_BYTES = 8 << 10

/**
 * So many small frames leave without waiting for the end of the turn, so that the other side works on them while this one makes
 * more of them.
 */
const BATCH_FRAMES = 16

/** What a waiting frame takes even where its body is somebody else's memory. */
const WAITING_BYTES = 2 << 10

const NO_HEAD = new Uint8Array(0)

/** A frame with a large body that waits for its turn. */
interface BulkFrame {
  readonly kind: FrameKind
  readonly operation: number
  readonly id: number
  readonly head: Uint8Array
  readonly body: Uint8Array
  /** Runs when the body has left; or at once, unsent, when `wanted` says no by the time its turn comes. */
  readonly flushed: (() => void) | undefined
  readonly wanted: (() => boolean) | undefined
}

/** What waits to leave on several connections together. */
export interface Backlog {
  bytes: number
}

/** Whatever takes turns at sending. */
export interface PieceSource {
  /** Sends one frame through `queue.piece`, or answers false where it has nothing to send now. */
  sendPiece(queue: SendQueue): boolean
}

/**
 * Decides what leaves next: small frames first, then large bodies and streams in turns. Always holds: what streams and bodies
 * have handed to the kernel and it has not taken is at most {@link MAX_AHEAD_BYTES} and one frame. What is sent in one
 * turn of the event loop leaves together, but for many small frames, which leave in batches of {@link BATCH_FRAMES}.
 */
export class SendQueue {
  readonly #transport: Transport
  readonly #slabs: SlabPool
  readonly #backlog: Backlog
  readonly #bulk: BulkFrame[] = []
  #bulkNext = 0
  readonly #sources: PieceSource[] = []
  readonly #queued = new Set<PieceSource>()
  #bulkTurn = true
  #scheduled = false
  /** Since something was sent last. */
  #smallFrames = 0
  #closed = false
  #drained: (() => void) | undefined
  /** What the waiting large frames keep in memory. */
  #waitingBytes = 0
  #batchesWritten = 0
  #batchesFlushed = 0
  readonly #flushWaiters: { readonly batch: number; readonly callback: () => void }[] = []
  /** Bytes given to the transport and not yet flushed. */
  #ahead = 0

  // The batch that is being put together.
  #buffers: Uint8Array[] = []
  #slabsHeld: Slab[] = []
  #callbacks: (() => void)[] = []
  #bytes = 0
  #run: Slab | undefined
  #runStart = 0
  #runEnd = 0

  constructor(transport: Transport, slabs: SlabPool, backlog: Backlog = noBacklog()) {
    this.#transport = transport
    this.#slabs = slabs
    this.#backlog = backlog
  }

  /** Bytes that wait here or in the transport, but for bodies that were lent. */
  get backlog(): number {
    return this.#ahead + this.#bytes + this.#waitingBytes + (this.#runEnd - this.#runStart)
  }

  /** Sends a frame in this turn. Head and body are copied. */
  small(kind: FrameKind, operation: number, id: number, head: Uint8Array, body?: Uint8Array): void {
    if (this.#closed) return
    this.#copy(kind, operation, id, head, body)
    this.#smallFrames++
    if (this.#smallFrames < BATCH_FRAMES) this.#schedule()
    else this.#send()
  }

  /** Sends a frame with a body: at once where it is small, otherwise when its turn comes. */
  body(
    kind: FrameKind,
    operation: number,
    id: number,
    head: Uint8Array,
    body: Uint8Array,
    flushed?: () => void,
    wanted?: () => boolean,
  ): void {
    if (body.length <= COPY_BYTES || this.#closed) {
      this.small(kind, operation, id, head, body)
      flushed?.()
      return
    }
    const frame = { kind, operation, id, head, body, flushed, wanted }
    this.#bulk.push(frame)
    this.#wait(costOf(frame))
    this.#schedule()
  }

  /** Gives `source` its turns until it has nothing more to send. */
  wake(source: PieceSource): void {
    if (this.#closed || this.#queued.has(source)) return
    this.#queued.add(source)
    this.#sources.push(source)
    this.#schedule()
  }

  /** For a source in its turn. Small bodies are copied, so that `flushed` runs at once. */
  piece(kind: FrameKind, operation: number, id: number, head: Uint8Array, body: Uint8Array, flushed: () => void): void {
    if (body.length <= COPY_BYTES) {
      this.#copy(kind, operation, id, head, body)
      flushed()
      return
    }
    this.#copyHead(kind, operation, id, head, body.length)
    this.#lend(body, flushed)
  }

  /** Adds memory to the batch that is somebody else's until it has left. */
  #lend(body: Uint8Array, flushed: () => void): void {
    this.#endRun()
    this.#buffers.push(body)
    this.#bytes += body.length
    this.#callbacks.push(flushed)
  }

  /** The same with one frame whose body lies in several places; each has its own `flushed`. */
  pieces(kind: FrameKind, id: number, bodies: readonly Uint8Array[], flushed: readonly (() => void)[]): void {
    let bytes = 0
    for (const body of bodies) bytes += body.length
    this.#copyHead(kind, 0, id, NO_HEAD, bytes)
    for (const [i, body] of bodies.entries()) {
      if (body.length <= COPY_BYTES) {
        const at = this.#room(body.length)
        this.#run!.memory.set(body, at)
      } else this.#lend(body, flushed[i]!)
    }
    // Not before the frame is whole: they may send more.
    for (const [i, body] of bodies.entries()) if (body.length <= COPY_BYTES) flushed[i]!()
  }

  /** Runs `listener` once next to nothing waits any more. */
  onceDrained(listener: () => void): void {
    this.#drained = listener
  }

  /** Runs `callback` once the transport has taken all that it was handed so far. */
  whenFlushed(callback: () => void): void {
    const batch = this.#batchesWritten + (this.#buffers.length > 0 ? 1 : 0)
    if (batch === this.#batchesFlushed) callback()
    else this.#flushWaiters.push({ batch, callback })
  }

  /** Drops what waits; callbacks run, so that memory is given back. */
  close(): void {
    this.flush()
    this.#closed = true
    const dropped = this.#bulk.splice(0).slice(this.#bulkNext)
    this.#bulkNext = 0
    this.#wait(-this.#waitingBytes)
    this.#sources.length = 0
    this.#queued.clear()
    for (const frame of dropped) frame.flushed?.()
  }

  flush(): void {
    this.#scheduled = false
    this.#send()
  }

  #send(): void {
    this.#smallFrames = 0
    if (this.#closed) return
    let more = true
    while (more && this.#ahead + this.#bytes < MAX_AHEAD_BYTES) more = this.#next()
    this.#endRun()
    if (this.#buffers.length === 0) return
    const buffers = this.#buffers
    const bytes = this.#bytes
    const slabs = this.#slabsHeld
    const callbacks = this.#callbacks
    this.#buffers = []
    this.#slabsHeld = []
    this.#callbacks = []
    this.#bytes = 0
    this.#ahead += bytes
    this.#backlog.bytes += bytes
    this.#batchesWritten++
    this.#transport.write(buffers, () => {
      this.#ahead -= bytes
      this.#backlog.bytes -= bytes
      for (const slab of slabs) this.#slabs.release(slab)
      for (const callback of callbacks) callback()
      this.#batchesFlushed++
      while (this.#flushWaiters.length > 0 && this.#flushWaiters[0]!.batch <= this.#batchesFlushed) {
        this.#flushWaiters.shift()!.callback()
      }
      if (this.#drained && this.backlog < MAX_AHEAD_BYTES) {
        const drained = this.#drained
        this.#drained = undefined
        drained()
      }
      if (this.#bulk.length > 0 || this.#sources.length > 0) this.#schedule()
    })
  }

  #wait(bytes: number): void {
    this.#waitingBytes += bytes
    this.#backlog.bytes += bytes
  }

  /** Adds one large body, or one piece of a stream, to the batch; false where there is none. */
  #next(): boolean {
    this.#bulkTurn = !this.#bulkTurn
    if (this.#bulkTurn || this.#sources.length === 0) return this.#nextBulk() || this.#nextPiece()
    return this.#nextPiece() || this.#nextBulk()
  }

  #nextBulk(): boolean {
    while (this.#bulkNext < this.#bulk.length) {
      const frame = this.#bulk[this.#bulkNext++]!
      this.#wait(-costOf(frame))
      if (this.#bulkNext === this.#bulk.length) {
        this.#bulk.length = 0
        this.#bulkNext = 0
      } else if (this.#bulkNext > 1024) {
        this.#bulk.splice(0, this.#bulkNext)
        this.#bulkNext = 0
      }
      if (frame.wanted && !frame.wanted()) {
        frame.flushed?.()
        continue
      }
      this.piece(frame.kind, frame.operation, frame.id, frame.head, frame.body, frame.flushed ?? ignore)
      return true
    }
    return false
  }

  #nextPiece(): boolean {
    while (this.#sources.length > 0) {
      const source = this.#sources.shift()!
      if (source.sendPiece(this)) {
        this.#sources.push(source)
        return true
      }
      this.#queued.delete(source)
    }
    return false
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    process.nextTick(() => this.flush())
  }

  #copy(kind: FrameKind, operation: number, id: number, head: Uint8Array, body: Uint8Array | undefined): void {
    const bodyBytes = body?.length ?? 0
    const at = this.#room(HEADER_BYTES + head.length + bodyBytes)
    const memory = this.#run!.memory
    writeHeader(memory, at, kind, operation, id, head.length, bodyBytes)
    if (head.length > 0) memory.set(head, at + HEADER_BYTES)
    if (body && bodyBytes > 0) memory.set(body, at + HEADER_BYTES + head.length)
  }

  #copyHead(kind: FrameKind, operation: number, id: number, head: Uint8Array, bodyBytes: number): void {
    const at = this.#room(HEADER_BYTES + head.length)
    const memory = this.#run!.memory
    writeHeader(memory, at, kind, operation, id, head.length, bodyBytes)
    if (head.length > 0) memory.set(head, at + HEADER_BYTES)
  }

  /** Reserves bytes behind the run of this batch; where another connection has written there meanwhile, begins a new run. */
  #room(bytes: number): number {
    const slab = this.#slabs.withRoom(bytes)
    if (slab !== this.#run || slab.used !== this.#runEnd) {
      this.#endRun()
      this.#run = slab
      slab.holders++
      this.#slabsHeld.push(slab)
      this.#runStart = slab.used
    }
    const at = slab.used
    slab.used += bytes
    this.#runEnd = slab.used
    return at
  }

  #endRun(): void {
    const slab = this.#run
    if (!slab) return
    this.#buffers.push(slab.memory.subarray(this.#runStart, this.#runEnd))
    this.#bytes += this.#runEnd - this.#runStart
    this.#run = undefined
    this.#runStart = 0
    this.#runEnd = 0
  }
}

/** A body without `flushed` belongs to its frame; any other is lent. */
function costOf({ body, flushed }: BulkFrame): number {
  return flushed ? WAITING_BYTES : WAITING_BYTES + body.length
}

function noBacklog(): Backlog {
  return { bytes: 0 }
}

function ignore(): void {}
