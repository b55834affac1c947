import type { Traffic } from '../server/traffic.ts'

/** A stream that says what has passed. */
export interface CountedStream {
  readonly bytesReceived: number
  readonly bytesSent: number
}

interface Passed {
  bytesIn: number
  bytesOut: number
}

/** Takes the bytes of streams into the account of traffic: of those that are open when it is asked for, of the others at their end. */
export class StreamTraffic {
  readonly #traffic: Traffic
  readonly #open = new Map<CountedStream, Passed>()

  constructor(traffic: Traffic) {
    this.#traffic = traffic
  }

  /** For as long as `use` takes. */
  async during<T>(stream: CountedStream, use: () => Promise<T>): Promise<T> {
    this.#traffic.operations += 1
    const passed = { bytesIn: 0, bytesOut: 0 }
    this.#open.set(stream, passed)
    try {
      return await use()
    } finally {
      this.#open.delete(stream)
      this.#count(stream, passed)
    }
  }

  countOpen(): void {
    for (const [stream, passed] of this.#open) this.#count(stream, passed)
  }

  #count({ bytesReceived, bytesSent }: CountedStream, passed: Passed): void {
    this.#traffic.bytesIn += bytesReceived - passed.bytesIn
    this.#traffic.bytesOut += bytesSent - passed.bytesOut
    passed.bytesIn = bytesReceived
    passed.bytesOut = bytesSent
  }
}
