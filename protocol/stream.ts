import { ChunkQueue } from './chunk-queue.ts'
import { dropped, type Landing } from './decoder.ts'
import { GliderError } from './errors.ts'
import { frameKind, MAX_HEAD_BYTES } from './frame.ts'
import { encodeError } from './heads.ts'
import { encodeJson } from './json-heads.ts'
import type { Meter } from './meter.ts'
import type { OpenStreams } from './open-streams.ts'
import type { Operation } from './operation.ts'
import type { ByteStream, Connection } from './peer.ts'
import { COPY_BYTES, type PieceSource, type SendQueue } from './send-queue.ts'
import type { StreamSink } from './sink.ts'
import { INITIAL_WINDOW_BYTES, ReceiveWindow, type WindowBudget } from './window.ts'

export type { StreamSink } from './sink.ts'

/** Streams take turns of at most so many bytes. */
const PIECE_BYTES = 256 << 10
const EMPTY = Buffer.alloc(0)

interface PendingWrite {
  readonly bytes: Uint8Array
  sent: number
  /** Position in the stream behind its last byte. */
  readonly end: number
  readonly left: () => void
  readonly failed: (error: GliderError) => void
}

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly connection: Connection
  readonly queue: SendQueue
  readonly budget: WindowBudget
  readonly streams: OpenStreams<MuxStream>
  readonly meter?: Meter | undefined
}

/**
 * One open stream. Always holds: sent ≤ credit (the limit that the other side has named), and the window's invariant for what
 * is received. States: open → (all sent, all received, answered) → closed, or from anywhere → failed, once.
 */
export class MuxStream<A = unknown> implements ByteStream<A>, PieceSource {
  readonly id: number
  readonly operation: Operation
  readonly #host: StreamHost
  /** Whether this side opened it. */
  readonly dialled: boolean
  readonly #window: ReceiveWindow
  readonly #abort = new AbortController()
  #sink: StreamSink
  /** Who has named the memory that bytes land in. */
  #placer: StreamSink | undefined
  #chunks: ChunkQueue | undefined

  readonly #writes: PendingWrite[] = []
  readonly #untaken: { readonly end: number; readonly taken: () => void; readonly failed: (error: GliderError) => void }[] = []
  #written = 0
  #sent = 0
  #credit = INITIAL_WINDOW_BYTES
  #stalled = false
  /** Set once no more will be written; holds the head of the last frame. */
  #lastHead: Buffer | undefined
  #endSent: (() => void) | undefined
  #ending: Promise<A> | undefined
  #ended = false
  /** The other side has said that all its bytes were sent. */
  #allReceived = false
  /** Why this side will reset once what was written has left. */
  #lastError: GliderError | undefined
  #over = false
  /** Whether bytes are on their way into memory of the sink. */
  #landing = false
  #acknowledges = false
  #failure: GliderError | undefined
  #outcome: { resolve(answer: A): void; reject(error: GliderError): void } | undefined
  #answer: { value: A } | undefined
  #isConfirmed = false
  #confirming: { resolve(): void; reject(error: GliderError): void } | undefined

  get bytesReceived(): number {
    return this.#window.received
  }

  get bytesSent(): number {
    return this.#sent
  }

  constructor(host: StreamHost, id: number, operation: Operation, dialled: boolean) {
    this.#host = host
    this.id = id
    this.operation = operation
    this.dialled = dialled
    this.#window = new ReceiveWindow(host.budget)
    this.#chunks = new ChunkQueue(bytes => this.consumed(bytes))
    this.#sink = this.#chunks
  }

  get connection(): Connection {
    return this.#host.connection
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  // Receiving.

  read(): Promise<Buffer | undefined> {
    if (!this.#chunks) throw new GliderError('INTERNAL', 'this stream is received by a sink of its own')
    return this.#chunks.read()
  }

  /**
   * Has the bytes go to `sink` from the first one on; to be called before any has been read. What waits there grows only within `room`,
   * where that is given.
   */
  receive(sink: StreamSink, room?: WindowBudget): void {
    if (room) this.#window.share(room)
    const waiting = this.#chunks
    this.#sink = sink
    this.#chunks = undefined
    if (waiting) waiting.handOver(sink)
    else if (this.#failure) sink.failed(this.#failure)
  }

  /** Tells the sender of bytes as soon as they are here, not only when its credit runs low. */
  acknowledgeAll(): void {
    this.#acknowledges = true
  }

  /** Tells the other side at once that the stream has been taken. */
  confirm(): void {
    this.sendCredit()
  }

  /** Resolves once the other side has confirmed the stream, rejects where it has failed. */
  confirmed(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) reject(this.#failure)
      else if (this.#isConfirmed) resolve()
      else this.#confirming = { resolve, reject }
    })
  }

  /** So many received bytes are no longer held here. */
  consumed(bytes: number): void {
    if (this.#window.consume(bytes) && !this.#failure) this.#host.streams.creditDue(this)
  }

  /** @throws GliderError PROTOCOL_ERROR where the sender has gone beyond its credit, or its end */
  placeData(bytes: number): Landing {
    if (this.#failure) return dropped
    if (this.#allReceived) throw new GliderError('PROTOCOL_ERROR', `stream ${this.id} was sent bytes after its end`)
    if (!this.#window.fits(bytes)) throw new GliderError('PROTOCOL_ERROR', `stream ${this.id} was sent more than its credit`)
    const place = this.#sink.place(bytes)
    this.#landing = place !== undefined
    this.#placer = this.#sink
    return place
  }

  /** The bytes that `placeData` was asked about are here. */
  dataArrived(body: Buffer, placed: boolean): void {
    this.landingOver()
    if (this.#failure) return
    this.#window.receive(body.length)
    if (!this.dialled && this.#host.meter) this.#host.meter.received[this.operation.code]! += body.length
    if (this.#acknowledges) this.#host.streams.creditDue(this)
    // Where the sink has changed while they landed, they lie in memory of the one before.
    this.#sink.data(body, placed && this.#placer === this.#sink)
  }

  /** Nothing writes into memory of the sink any more: a failure that came meanwhile is told now. */
  landingOver(): void {
    if (!this.#landing) return
    this.#landing = false
    if (this.#failure) this.#sink.failed(this.#failure)
  }

  /**
   * The other side has sent its last frame; of the accepting side, `answer` is the outcome, and what is still
   * to be written is not wanted.
   */
  endArrived(answer: A): void {
    if (this.#failure) return
    if (this.#allReceived) throw new GliderError('PROTOCOL_ERROR', `stream ${this.id} was ended twice`)
    this.#allReceived = true
    this.#sink.end()
    if (!this.dialled) return
    this.#close()
    for (const write of this.#writes.splice(0)) this.#giveBack(write, write.left)
    for (const write of this.#untaken.splice(0)) write.taken()
    if (this.#outcome) this.#outcome.resolve(answer)
    else this.#answer = { value: answer }
  }

  sendCredit(): void {
    if (this.#failure) return
    const head = Buffer.allocUnsafe(16)
    head.writeDoubleLE(this.#window.limit, 0)
    head.writeDoubleLE(this.#window.received, 8)
    this.#host.queue.small(frameKind.credit, 0, this.id, head)
  }

  // Sending.

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((left, failed) => this.send(bytes, left, failed))
  }

  /** Like `write`, without a promise: `left` runs once the memory may be used again. */
  send(bytes: Uint8Array, left: () => void, failed: (error: GliderError) => void): void {
    const refusal = this.#refusal()
    if (refusal) {
      failed(refusal)
      return
    }
    if (bytes.length === 0 || this.#answer) {
      left()
      return
    }
    this.#written += bytes.length
    this.#writes.push({ bytes, sent: 0, end: this.#written, left, failed })
    this.#host.queue.wake(this)
  }

  /** Resolves once the other side has the bytes; for streams that asked it to acknowledge. */
  writeTaken(bytes: Uint8Array): Promise<void> {
    return new Promise((taken, failed) => {
      const refusal = this.#refusal()
      if (refusal) {
        failed(refusal)
        return
      }
      if (bytes.length === 0 || this.#answer) {
        taken()
        return
      }
      this.#untaken.push({ end: this.#written + bytes.length, taken, failed })
      // A failure is told once, through the list of what is not taken.
      this.send(bytes, ignore, ignore)
    })
  }

  #refusal(): GliderError | undefined {
    if (this.#failure) return this.#failure
    if (this.#ended) return new GliderError('INVALID_ARGUMENT', 'write after end: the stream has been ended')
    return undefined
  }

  creditArrived(limit: number, taken: number): void {
    this.#isConfirmed = true
    this.#confirming?.resolve()
    if (limit > this.#credit) {
      this.#credit = limit
      this.#stalled = false
      if (this.#writes.length > 0) this.#host.queue.wake(this)
    }
    while (this.#untaken.length > 0 && this.#untaken[0]!.end <= taken) this.#untaken.shift()!.taken()
  }

  end(): Promise<A> {
    return this.finish(undefined)
  }

  /** Ends this direction; the accepting side names the answer that its last frame carries. */
  finish(answer: unknown): Promise<A> {
    this.#ending ??= this.#finish(answer)
    return this.#ending
  }

  #finish(answer: unknown): Promise<A> {
    const head = answer === undefined ? EMPTY : encodeJson(answer)
    if (head.length > MAX_HEAD_BYTES)
      throw new GliderError('INTERNAL', `an answer of ${head.length} bytes does not fit into a frame`)
    const ended = new Promise<A>((resolve, reject) => {
      if (this.#failure) reject(this.#failure)
      else if (this.#answer) resolve(this.#answer.value)
      else this.#outcome = { resolve, reject }
    })
    this.#ended = true
    if (this.#over) return ended
    this.#lastHead = head
    if (!this.dialled) {
      this.#endSent = () => {
        this.#close()
        this.#outcome?.resolve(answer as A)
      }
    }
    this.#host.queue.wake(this)
    return ended
  }

  reset(error: GliderError): void {
    if (this.#failure || this.#over) return
    this.#host.queue.small(frameKind.reset, 0, this.id, encodeError(error))
    this.fail(error)
  }

  /** Ends both directions with an error, behind what has been written: bytes from before it reach the other side. */
  finishFailed(error: GliderError): void {
    if (this.#failure || this.#over || this.#lastError) return
    this.#ended = true
    this.#lastError = error
    this.#host.queue.wake(this)
  }

  /** The stream is over, with an error: the other side's, the connection's or this side's own. */
  fail(error: GliderError): void {
    if (this.#failure || this.#over) return
    this.#failure = error
    this.#close()
    for (const write of this.#writes.splice(0)) this.#giveBack(write, () => write.failed(error))
    for (const write of this.#untaken.splice(0)) write.failed(error)
    // Memory that the kernel may be filling is given back only when that is over.
    if (!this.#landing) this.#sink.failed(error)
    this.#abort.abort(error)
    this.#confirming?.reject(error)
    this.#outcome?.reject(error)
  }

  /** A write is over before all of it was sent: its memory is free once the transport has taken what was. */
  #giveBack(write: PendingWrite, tell: () => void): void {
    if (write.sent === 0) tell()
    else this.#host.queue.whenFlushed(tell)
  }

  sendPiece(queue: SendQueue): boolean {
    const write = this.#writes[0]
    if (!write) return this.#sendEnd(queue)
    const bytes = Math.min(PIECE_BYTES, this.#credit - this.#sent, this.#written - this.#sent)
    if (bytes <= 0) return this.#stall()
    const rest = write.bytes.length - write.sent
    // Who reads has buffers of its own size, and what is written at once fits into one; an action takes bytes as they come.
    if (this.dialled && rest < bytes) this.#sendTogether(queue, bytes)
    else this.#sendOf(queue, write, Math.min(bytes, rest))
    return true
  }

  /** There are bytes to send, and no credit. */
  #stall(): false {
    if (!this.#stalled && this.#host.meter) this.#host.meter.stalls += 1
    this.#stalled = true
    return false
  }

  #sendOf(queue: SendQueue, write: PendingWrite, bytes: number): void {
    const piece = write.bytes.subarray(write.sent, write.sent + bytes)
    queue.piece(frameKind.data, 0, this.id, EMPTY, piece, this.#advance(queue, write, bytes))
  }

  /** One frame of several writes: for the other side, each frame is a read, a message to a thread and an acknowledgement. */
  #sendTogether(queue: SendQueue, bytes: number): void {
    const pieces: Uint8Array[] = []
    const left: (() => void)[] = []
    for (let to = bytes; to > 0; ) {
      const write = this.#writes[0]!
      const take = Math.min(to, write.bytes.length - write.sent)
      pieces.push(write.bytes.subarray(write.sent, write.sent + take))
      left.push(this.#advance(queue, write, take))
      to -= take
    }
    queue.pieces(frameKind.data, this.id, pieces, left)
  }

  /** So many more bytes of the first write go out; answers what is to run once they have left. */
  #advance(queue: SendQueue, write: PendingWrite, bytes: number): () => void {
    this.#sent += bytes
    write.sent += bytes
    if (!this.dialled && this.#host.meter) this.#host.meter.sent[this.operation.code]! += bytes
    if (write.sent < write.bytes.length) return ignore
    this.#writes.shift()
    // A last piece that is copied is done with at once, but those before it may still be on their way.
    return bytes < write.sent && bytes <= COPY_BYTES ? () => queue.whenFlushed(write.left) : write.left
  }

  #sendEnd(queue: SendQueue): boolean {
    if (this.#failure || this.#over) return false
    if (this.#lastError) {
      this.reset(this.#lastError)
      return true
    }
    if (!this.#lastHead) return false
    queue.piece(frameKind.end, 0, this.id, this.#lastHead, EMPTY, ignore)
    this.#lastHead = undefined
    this.#endSent?.()
    return true
  }

  #close(): void {
    this.#over = true
    this.#window.release()
    this.#host.streams.forget(this)
  }
}

function ignore(): void {}
