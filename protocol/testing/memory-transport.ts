import type { Transport, TransportEvents } from '../transport.ts'

interface Write {
  readonly buffers: readonly Uint8Array[]
  readonly flushed: () => void
}

/** What is lent: one piece of memory for all, as in the real transport. */
const scratch = Buffer.alloc(64 << 10)

export interface MemoryTransportOptions {
  /** Most bytes that one read gives; asked before each. @default 64 KiB */
  readonly cut?: () => number
  /** Whether bytes are received into the memory that the receiver names, as a fast socket does. @default true */
  readonly landing?: boolean
}

/**
 * One end of a connection within the process. Like a kernel it looks at written memory only when the bytes leave, so that
 * memory which is used again too early shows; and what it lends to `bytes` is spoilt when the call returns.
 */
export class MemoryTransport implements Transport {
  readonly remote: string
  readonly #options: MemoryTransportOptions
  #other: MemoryTransport | undefined
  #events: TransportEvents | undefined
  #writes: Write[] = []
  /** Where in the first write the next byte is: buffer, and position in it. */
  #buffer = 0
  #at = 0
  #paused = false
  #held = false
  #closing = false
  #gone = false
  #pumping = false
  /** Every write, as it was given: number of bytes per buffer. */
  readonly written: number[][] = []

  constructor(remote: string, options: MemoryTransportOptions) {
    this.remote = remote
    this.#options = options
  }

  join(other: MemoryTransport): void {
    this.#other = other
  }

  get closed(): boolean {
    return this.#closing || this.#gone
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Bytes that were written and have not left. */
  get unflushed(): number {
    let bytes = 0
    for (const { buffers } of this.#writes) for (const buffer of buffers) bytes += buffer.length
    return bytes
  }

  start(events: TransportEvents): void {
    this.#events = events
    if (this.#gone) events.gone(undefined)
    this.#other?.pump()
  }

  write(buffers: readonly Uint8Array[], flushed: () => void): void {
    this.written.push(buffers.map(({ length }) => length))
    if (this.#gone) {
      queueMicrotask(flushed)
      return
    }
    this.#writes.push({ buffers, flushed })
    this.pump()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#other?.pump()
  }

  close(): void {
    this.#closing = true
    this.#paused = true
    this.pump()
  }

  /** From now on nothing that is written here leaves, until `release`. */
  hold(): void {
    this.#held = true
  }

  release(): void {
    this.#held = false
    this.pump()
  }

  /** The connection breaks, for both sides. */
  sever(cause?: Error): void {
    for (const end of [this, this.#other!]) end.#break(cause)
  }

  #break(cause: Error | undefined): void {
    if (this.#gone) return
    this.#gone = true
    const writes = this.#writes
    this.#writes = []
    this.#events?.gone(cause)
    for (const { flushed } of writes) flushed()
  }

  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      if (this.#deliver()) this.pump()
    })
  }

  /** One read of the other side; false where it cannot have one now. */
  #deliver(): boolean {
    if (this.#held || this.#gone) return false
    const other = this.#other!
    const write = this.#writes[0]
    if (!write) {
      if (this.#closing) {
        this.#break(undefined)
        other.#break(undefined)
      }
      return false
    }
    // Whoever has closed reads nothing more, and what is sent to it is lost.
    if (other.#closing) {
      this.#writes.shift()
      this.#buffer = 0
      this.#at = 0
      write.flushed()
      return true
    }
    if (!other.#events || other.#paused) return false
    const most = Math.min(scratch.length, Math.max(1, other.#options.cut?.() ?? scratch.length))
    const place = other.#options.landing === false ? undefined : other.#events.landing()
    const into = place ? place.subarray(0, Math.min(most, place.length)) : scratch.subarray(0, most)
    const bytes = this.#take(into)
    if (place) other.#events.landed(bytes)
    else if (bytes > 0) {
      const lent = scratch.subarray(0, bytes)
      other.#events.bytes(lent)
      lent.fill(0xee)
    }
    return true
  }

  /** Copies what comes next, telling of every write that has left whole. */
  #take(into: Uint8Array): number {
    let filled = 0
    while (filled < into.length) {
      const write = this.#writes[0]
      if (!write) break
      const buffer = write.buffers[this.#buffer]
      if (!buffer) {
        this.#writes.shift()
        this.#buffer = 0
        this.#at = 0
        queueMicrotask(write.flushed)
        continue
      }
      const count = Math.min(into.length - filled, buffer.length - this.#at)
      into.set(buffer.subarray(this.#at, this.#at + count), filled)
      filled += count
      this.#at += count
      if (this.#at < buffer.length) continue
      this.#buffer++
      this.#at = 0
    }
    const write = this.#writes[0]
    if (write && this.#buffer === write.buffers.length) {
      this.#writes.shift()
      this.#buffer = 0
      this.#at = 0
      queueMicrotask(write.flushed)
    }
    return filled
  }
}

/** Two ends of one connection. */
export function transportPair(
  first: MemoryTransportOptions = {},
  second: MemoryTransportOptions = first,
): readonly [MemoryTransport, MemoryTransport] {
  const pair = [new MemoryTransport('second:2', first), new MemoryTransport('first:1', second)] as const
  pair[0].join(pair[1])
  pair[1].join(pair[0])
  return pair
}
