import type { CallOptions } from '../actions/store.ts'
import { readHead, writeHead } from '../protocol/block-operations.ts'
import { catalogue } from '../protocol/catalogue.ts'
import type { ConnectionCore } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Connections } from './connections.ts'
import type { TransferCounters } from './counters.ts'
import { DEFAULT_TIMEOUT_MS } from './metadata.ts'
import { checkTimeout, pause, throwIfCancelled, unlessCancelled, unlessLate } from './waiting.ts'

/** Where a block is, ready for use in heads. */
export interface BlockRef {
  readonly location: Buffer
  readonly address: string
  /** Whether its server has acknowledged bytes that this client wrote. */
  written: boolean
}

const PAUSE_MS = 100

/** Reads and writes ranges of blocks. Both may be repeated without harm, so that is done where a connection goes. */
export class BlockIo {
  readonly #connections: Connections
  readonly #counters: TransferCounters

  constructor(connections: Connections, counters: TransferCounters) {
    this.#connections = connections
    this.#counters = counters
  }

  /** Fills `into` from the block. It belongs to the call until the promise settles. */
  read(block: BlockRef, offset: number, into: Uint8Array, options: CallOptions, check: () => Promise<unknown>): Promise<void> {
    return this.#persist(block, options, check, (connection, timeoutMs) =>
      this.#readOnce(connection, block, offset, into, timeoutMs, options.signal),
    )
  }

  /** Writes `bytes` into the block. They belong to the call until the promise settles. */
  write(block: BlockRef, offset: number, bytes: Uint8Array, options: CallOptions, check: () => Promise<unknown>): Promise<void> {
    return this.#persist(block, options, check, (connection, timeoutMs) =>
      this.#writeOnce(connection, block, offset, bytes, timeoutMs, options.signal),
    )
  }

  /** `check` asks the metadata server whether the block's server still counts as alive; it throws DATA_LOST if not. */
  async #persist(
    { address }: BlockRef,
    { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions,
    check: () => Promise<unknown>,
    attempt: (connection: ConnectionCore, timeoutMs: number) => Promise<void>,
  ): Promise<void> {
    checkTimeout(timeoutMs)
    const connection = this.#connections.ready(address)
    let failure: GliderError
    try {
      if (connection) return await attempt(connection, timeoutMs)
      failure = new GliderError('UNAVAILABLE', `no connection to ${address} yet`)
    } catch (error) {
      failure = GliderError.from(error)
    }
    const { clock } = this.#connections.context
    const deadline = clock.now() + timeoutMs
    for (let first = connection === undefined; ; first = false) {
      if (failure.code !== 'UNAVAILABLE' || this.#connections.closed) throw failure
      if (!first) {
        await check()
        if (clock.now() + PAUSE_MS >= deadline) throw failure
        await pause(clock, PAUSE_MS, 'the operation', signal)
      }
      throwIfCancelled('the operation', signal)
      try {
        const connecting = unlessCancelled(this.#connections.get(address), 'the operation', signal)
        const fresh = await unlessLate(connecting, clock, deadline - clock.now(), `the operation on ${address}`)
        return await attempt(fresh, Math.max(deadline - clock.now(), 0))
      } catch (error) {
        failure = GliderError.from(error)
      }
    }
  }

  #writeOnce(
    connection: ConnectionCore,
    { location }: BlockRef,
    offset: number,
    bytes: Uint8Array,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    return cancellable(connection, signal, (resolve, reject) =>
      connection.requestRaw(
        catalogue.writeBlock,
        writeHead(location, offset),
        bytes,
        {
          place: () => undefined,
          answered: () => {
            this.#counters.bytesSent += bytes.length
            resolve()
          },
          failed: reject,
        },
        timeoutMs,
      ),
    )
  }

  #readOnce(
    connection: ConnectionCore,
    { location }: BlockRef,
    offset: number,
    into: Uint8Array,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    return cancellable(connection, signal, (resolve, reject) =>
      connection.requestRaw(
        catalogue.readBlock,
        readHead(location, offset, into.length),
        undefined,
        {
          place: bytes => (bytes === into.length ? into : undefined),
          answered: (_head, body) => {
            this.#counters.bytesReceived += body.length
            if (body.length === into.length) resolve()
            else reject(new GliderError('PROTOCOL_ERROR', `a read of ${into.length} bytes was answered with ${body.length}`))
          },
          failed: reject,
        },
        timeoutMs,
      ),
    )
  }
}

/** Begins a request that the signal takes back; nothing is left on the signal afterwards. */
function cancellable(
  connection: ConnectionCore,
  signal: AbortSignal | undefined,
  begin: (resolve: () => void, reject: (error: GliderError) => void) => number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!signal) {
      begin(resolve, reject)
      return
    }
    let settled = false
    const onAbort = (): void => connection.cancel(id, signal)
    const end = (): void => {
      settled = true
      signal.removeEventListener('abort', onAbort)
    }
    const id = begin(
      () => {
        end()
        resolve()
      },
      error => {
        end()
        reject(error)
      },
    )
    // On a connection that has gone it has failed already.
    if (!settled) signal.addEventListener('abort', onAbort)
  })
}
