/** What a transport tells the connection above it. */
export interface TransportEvents {
  /** Memory that the next bytes should be received into, if the transport can. */
  landing(): Uint8Array | undefined
  /** So many bytes were received into the memory that `landing` answered. */
  landed(bytes: number): void
  /** Bytes have arrived; they are lent until return. */
  bytes(chunk: Buffer): void
  /** Once, at the end, however it came. */
  gone(cause: Error | undefined): void
}

/** An ordered, reliable stream of bytes to another process: a TCP socket or a WebSocket. */
export interface Transport {
  /** host:port of the other side. */
  readonly remote: string
  /** Begins to receive. */
  start(events: TransportEvents): void
  /** The buffers must stay as they are until `flushed` runs, which it does even when the transport closes. */
  write(buffers: readonly Uint8Array[], flushed: () => void): void
  /** Takes nothing more from the kernel until `resume`. */
  pause(): void
  resume(): void
  /**
   * Lets what was written leave, within a second, and closes.
   * @param lingers lets the other side read that as well: until it has closed, within the same second, what it still sends is taken and
   *   dropped. Otherwise its next write may fail, and take what it has not read along. @default false
   */
  close(lingers?: boolean): void
}
