import type { GliderError } from './errors.ts'

/** Where the bytes of a stream go as they arrive. Whoever takes them must tell the stream what it has `consumed`. */
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
