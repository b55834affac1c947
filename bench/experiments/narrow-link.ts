import type { Clock, Timer } from '../../protocol/clock.ts'
import type { Transport, TransportEvents } from '../../protocol/transport.ts'
import { TokenBucket } from './token-bucket.ts'

interface Waiting {
  readonly buffers: readonly Uint8Array[]
  readonly flushed: () => void
}

/** The network link of one process: a bucket for each direction, shared by all of its connections. */
export class NarrowLink {
  readonly #clock: Clock
  readonly #out: TokenBucket
  readonly #in: TokenBucket

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock
    this.#out = new TokenBucket(clock, bytesPerSecond)
    this.#in = new TokenBucket(clock, bytesPerSecond)
  }

  /** The same connection, over this link. */
  over(transport: Transport): Transport {
    return new NarrowTransport(transport, this.#clock, this.#out, this.#in)
  }
}

/**
 * A transport whose bytes pass through buckets. What may not leave yet waits here unflushed, so its sender holds back; what may not
 * come yet is left in the kernel, so the other side does.
 */
class NarrowTransport implements Transport {
  readonly #inner: Transport
  readonly #clock: Clock
  readonly #out: TokenBucket
  readonly #in: TokenBucket
  readonly #waiting: Waiting[] = []
  #sending: Timer | undefined
  #receiving: Timer | undefined
  #paused = false
  #closed = false

  constructor(inner: Transport, clock: Clock, out: TokenBucket, into: TokenBucket) {
    this.#inner = inner
    this.#clock = clock
    this.#out = out
    this.#in = into
  }

  get remote(): string {
    return this.#inner.remote
  }

  start(events: TransportEvents): void {
    this.#inner.start({
      landing: () => events.landing(),
      landed: bytes => {
        this.#received(bytes)
        events.landed(bytes)
      },
      bytes: chunk => {
        this.#received(chunk.length)
        events.bytes(chunk)
      },
      gone: cause => {
        this.#letGo()
        events.gone(cause)
      },
    })
  }

  write(buffers: readonly Uint8Array[], flushed: () => void): void {
    if (this.#closed) {
      this.#inner.write(buffers, flushed)
      return
    }
    this.#waiting.push({ buffers, flushed })
    if (!this.#sending) this.#send()
  }

  pause(): void {
    this.#paused = true
    this.#inner.pause()
  }

  resume(): void {
    this.#paused = false
    if (!this.#receiving) this.#inner.resume()
  }

  close(): void {
    this.#letGo()
    this.#inner.close()
  }

  #send(): void {
    this.#sending = undefined
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const owedMs = this.#out.owedMs
      if (owedMs > 0) {
        this.#sending = this.#clock.after(owedMs, () => this.#send())
        return
      }
      this.#waiting.shift()
      this.#out.take(next.buffers.reduce((sum, { length }) => sum + length, 0))
      this.#inner.write(next.buffers, next.flushed)
    }
  }

  #received(bytes: number): void {
    this.#in.take(bytes)
    if (this.#receiving || this.#closed || this.#in.owedMs === 0) return
    this.#inner.pause()
    this.#awaitIn()
  }

  /** Others that share the bucket may have taken from it meanwhile. */
  #awaitIn(): void {
    const owedMs = this.#in.owedMs
    if (owedMs > 0) {
      this.#receiving = this.#clock.after(owedMs, () => this.#awaitIn())
      return
    }
    this.#receiving = undefined
    if (!this.#paused && !this.#closed) this.#inner.resume()
  }

  /** The connection ends: what waits leaves at once, or learns that it cannot. */
  #letGo(): void {
    this.#closed = true
    this.#sending?.cancel()
    this.#receiving?.cancel()
    for (const { buffers, flushed } of this.#waiting.splice(0)) this.#inner.write(buffers, flushed)
  }
}
