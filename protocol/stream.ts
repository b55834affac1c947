import { ChunkQueue } from './chunk-queue.ts'
import { GliderError } from './errors.ts'
import { frameKind } from './frame.ts'
import type { Operation } from './operation.ts'
import type { ByteStream, Connection } from './peer.ts'
import type { PieceSource, SendQueue } from './send-queue.ts'
import { INITIAL_WINDOW_BYTES, ReceiveWindow, type WindowBudget } from './window.ts'

/** Streams take turns of at most so many bytes. */
const PIECE_BYTES = 256 << 10
const EMPTY = Buffer.alloc(0)

/** Where the bytes of a stream go as they arrive. Whoever takes them must tell {@link MuxStream.consumed}. */
export interface StreamSink {
  /** Memory for the next `bytes`; undefined to have them lent. */
  place(bytes: number): Uint8Array | undefined
  /** Bytes in order; lent until return unless they lie where `place` said. */
  data(body: Buffer, placed: boolean): void
  /** All bytes have come. */
  end(): void
  /** The stream was reset, or its connection went: no more will come, and what came may be half of it. */
  failed(error: GliderError): void
}

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
  /** Has `sendCredit` called at the end of this turn. */
  creditDue(stream: MuxStream): void
  forget(stream: MuxStream): void
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
  #chunks: ChunkQueue | undefined

  readonly #writes: PendingWrite[] = []
  readonly #untaken: { readonly end: number; readonly taken: () => void; readonly failed: (error: GliderError) => void }[] = []
  #written = 0
  #sent = 0
  #credit = INITIAL_WINDOW_BYTES
  /** Set once no more will be written; holds the head of the last frame. */
  #lastHead: Buffer | undefined
  #endSent: (() => void) | undefined
  #ended = false
  #over = false
  /** Whether bytes are on their way into memory of the sink. */
  #landing = false
  #acknowledges = false
  #failure: GliderError | undefined
  #outcome: { resolve(answer: A): void; reject(error: GliderError): void } | undefined
  #answer: { value: A } | undefined

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

  /** Has the bytes go to `sink` from the first one on; to be called before any has come. */
  receive(sink: StreamSink): void {
    this.#sink = sink
    this.#chunks = undefined
    if (this.#failure) sink.failed(this.#failure)
  }

  /** Tells the sender of bytes as soon as they are here, not only when its credit runs low. */
  acknowledgeAll(): void {
    this.#acknowledges = true
  }

  /** So many received bytes are no longer held here. */
  consumed(bytes: number): void {
    if (this.#window.consume(bytes) && !this.#failure) this.#host.creditDue(this)
  }

  placeData(bytes: number): Uint8Array | undefined {
    if (this.#failure) return undefined
    const place = this.#sink.place(bytes)
    this.#landing = place !== undefined
    return place
  }

  /** Answers false where the sender has gone beyond its credit. */
  dataArrived(body: Buffer, placed: boolean): boolean {
    if (this.#landing) {
      this.#landing = false
      if (this.#failure) this.#sink.failed(this.#failure)
    }
    if (this.#failure) return true
    if (!this.#window.receive(body.length)) return false
    if (this.#acknowledges) this.#host.creditDue(this)
    this.#sink.data(body, placed)
    return true
  }

  /** The other side has sent its last frame; of the accepting side, `answer` is the outcome. */
  endArrived(answer: A): void {
    if (this.#failure) return
    this.#sink.end()
    if (!this.dialled) return
    this.#close()
    for (const write of this.#writes.splice(0)) write.left()
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
    if (bytes.length === 0) {
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
      if (bytes.length === 0) {
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
    if (this.#answer || this.#ended) return new GliderError('INVALID_ARGUMENT', 'write after end: the stream has been ended')
    return undefined
  }

  creditArrived(limit: number, taken: number): void {
    if (limit > this.#credit) {
      this.#credit = limit
      if (this.#writes.length > 0) this.#host.queue.wake(this)
    }
    while (this.#untaken.length > 0 && this.#untaken[0]!.end <= taken) this.#untaken.shift()!.taken()
  }

  end(): Promise<A> {
    return this.finish(undefined)
  }

  /** Ends this direction; the accepting side names the answer that its last frame carries. */
  finish(answer: unknown): Promise<A> {
    const ended = new Promise<A>((resolve, reject) => {
      if (this.#failure) reject(this.#failure)
      else if (this.#answer) resolve(this.#answer.value)
      else this.#outcome = { resolve, reject }
    })
    if (this.#failure || this.#answer || this.#ended) return ended
    this.#ended = true
    this.#lastHead = answer === undefined ? EMPTY : Buffer.from(JSON.stringify(answer))
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
    this.#host.queue.small(frameKind.reset, 0, this.id, Buffer.from(JSON.stringify(error.toWire())))
    this.fail(error)
  }

  /** The stream is over, with an error: the other side's, the connection's or this side's own. */
  fail(error: GliderError): void {
    if (this.#failure || this.#over) return
    this.#failure = error
    this.#close()
    for (const write of this.#writes.splice(0)) write.failed(error)
    for (const write of this.#untaken.splice(0)) write.failed(error)
    // Memory that the kernel may be filling is given back only when that is over; a closed connection fills nothing more.
    if (!this.#landing || this.connection.closed) this.#sink.failed(error)
    this.#abort.abort(error)
    this.#outcome?.reject(error)
  }

  sendPiece(queue: SendQueue): boolean {
    const write = this.#writes[0]
    if (!write) return this.#sendEnd(queue)
    const room = this.#credit - this.#sent
    const bytes = Math.min(PIECE_BYTES, room, write.bytes.length - write.sent)
    if (bytes <= 0) return false
    const piece = write.bytes.subarray(write.sent, write.sent + bytes)
    write.sent += bytes
    this.#sent += bytes
    const last = write.sent === write.bytes.length
    if (last) this.#writes.shift()
    queue.piece(frameKind.data, 0, this.id, EMPTY, piece, last ? write.left : ignore)
    return true
  }

  #sendEnd(queue: SendQueue): boolean {
    if (!this.#lastHead || this.#failure || this.#over) return false
    queue.piece(frameKind.end, 0, this.id, this.#lastHead, EMPTY, ignore)
    this.#lastHead = undefined
    this.#endSent?.()
    return true
  }

  #close(): void {
    this.#over = true
    this.#window.release()
    this.#host.forget(this)
  }
}

function ignore(): void {}
