/**
 * What the bare pair of small operations speaks. Each direction has frames of a head of 16 bytes, words of operation, number, and
 * length; those of a write's request and of a read's answer are followed by the bytes.
 */
export const HEAD_BYTES = 16
export const BODY_BYTES = 1024
export const FRAME_BYTES = HEAD_BYTES + BODY_BYTES
export const op = { write: 1, read: 2, wrote: 3, gave: 4 } as const
export const IN_FLIGHT = 64
/** Told to the other end of the pair that is to keep its event loop turning. */
export const TURNING = 'turning'

/** By what is sent with it. */
function bytesOf(code: number): number {
  return code === op.write || code === op.gave ? FRAME_BYTES : HEAD_BYTES
}

/** Cuts what arrives into frames, wherever the borders of the reads are. */
export class FrameCutter {
  readonly #frame: (memory: Buffer, at: number) => void
  /** The beginning of a frame whose end has not come. */
  readonly #begun = Buffer.allocUnsafeSlow(FRAME_BYTES)
  #kept = 0

  constructor(frame: (memory: Buffer, at: number) => void) {
    this.#frame = frame
  }

  take(memory: Buffer, bytes: number): void {
    let at = 0
    while (this.#kept > 0 && at < bytes) {
      const wanted = this.#kept < HEAD_BYTES ? HEAD_BYTES : bytesOf(this.#begun.readUInt32LE(0))
      const some = Math.min(wanted - this.#kept, bytes - at)
      memory.copy(this.#begun, this.#kept, at, at + some)
      this.#kept += some
      at += some
      if (this.#kept < HEAD_BYTES || this.#kept < bytesOf(this.#begun.readUInt32LE(0))) continue
      this.#kept = 0
      this.#frame(this.#begun, 0)
    }
    while (bytes - at >= HEAD_BYTES) {
      const length = bytesOf(memory.readUInt32LE(at))
      if (bytes - at < length) break
      this.#frame(memory, at)
      at += length
    }
    if (at < bytes) {
      memory.copy(this.#begun, 0, at, bytes)
      this.#kept = bytes - at
    }
  }
}

/**
 * Makes frames in memory of its own and sends those of a turn together: of all ways to cut them up the quickest. Always holds: no more
 * than {@link IN_FLIGHT} are unanswered, so that a place is not written again before its frame has arrived.
 */
export class FrameSender {
  readonly #write: (bytes: Uint8Array) => void
  readonly #frameBytes: number
  readonly #ring: Buffer
  #from = 0
  #to = 0

  constructor(frameBytes: number, write: (bytes: Uint8Array) => void) {
    this.#write = write
    this.#frameBytes = frameBytes
    this.#ring = Buffer.alloc(frameBytes * IN_FLIGHT * 2)
  }

  add(code: number, number: number, body?: Uint8Array): void {
    const at = this.#to
    this.#ring.writeUInt32LE(code, at)
    this.#ring.writeUInt32LE(number, at + 4)
    if (body) {
      this.#ring.writeUInt32LE(body.length, at + 8)
      this.#ring.set(body, at + HEAD_BYTES)
    }
    this.#to += this.#frameBytes
    if (this.#to === this.#ring.length) this.flush()
  }

  flush(): void {
    if (this.#to > this.#from) this.#write(this.#ring.subarray(this.#from, this.#to))
    if (this.#to === this.#ring.length) this.#to = 0
    this.#from = this.#to
  }
}

/** Keeps the event loop of this process turning, so that it never sleeps, until what is returned is called. */
export function keepTurning(): () => void {
  let next = setImmediate(turn)
  function turn(): void {
    next = setImmediate(turn)
  }
  return () => clearImmediate(next)
}
