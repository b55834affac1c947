import type { CallOptions } from '../actions/store.ts'
import { readHead, writeHead } from '../protocol/block-operations.ts'
import { catalogue } from '../protocol/catalogue.ts'
import type { ConnectionCore } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Pending } from '../protocol/requests.ts'
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

/** Asks the metadata server whether a block's server still counts as alive; throws DATA_LOST if not. */
type Check = () => Promise<unknown>

const PAUSE_MS = 100

/** Reads and writes ranges of blocks. Both may be repeated without harm, so that is done where a connection goes. */
export class BlockIo {
  readonly connections: Connections
  readonly counters: TransferCounters

  constructor(connections: Connections, counters: TransferCounters) {
    this.connections = connections
    this.counters = counters
  }

  /** Fills `into` from the block. It belongs to the call until the promise settles. */
  read(block: BlockRef, offset: number, into: Uint8Array, options: CallOptions, check: Check): Promise<void> {
    return new BlockRead(this, block, offset, into, options, check).run()
  }

  /** Writes `bytes` into the block. They belong to the call until the promise settles. */
  write(block: BlockRef, offset: number, bytes: Uint8Array, options: CallOptions, check: Check): Promise<void> {
    return new BlockWrite(this, block, offset, bytes, options, check).run()
  }
}

/**
 * One read or write, over as many attempts as it takes; one object and one promise for all of it, since there are hundreds of
 * thousands in a second. Always holds: once it is settled no connection uses its bytes, and nothing is left on its signal.
 */
abstract class BlockTransfer implements Pending {
  protected readonly block: BlockRef
  protected readonly offset: number
  protected readonly bytes: Uint8Array
  protected readonly io: BlockIo
  readonly #options: CallOptions
  readonly #check: Check
  #deadline = 0
  #resolve!: () => void
  #reject!: (error: unknown) => void
  /** Whether a connection has been asked, and has neither answered nor failed. */
  #asked = false
  #unheed: (() => void) | undefined

  constructor(io: BlockIo, block: BlockRef, offset: number, bytes: Uint8Array, options: CallOptions, check: Check) {
    this.io = io
    this.block = block
    this.offset = offset
    this.bytes = bytes
    this.#options = options
    this.#check = check
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options
      checkTimeout(timeoutMs)
      throwIfCancelled('the operation', signal)
      const { connections } = this.io
      this.#deadline = connections.context.clock.now() + timeoutMs
      const connection = connections.ready(this.block.address)
      if (connection) this.#attempt(connection, timeoutMs)
      else this.#connect().catch(reject)
    })
  }

  /** Sends the request, and answers its id. */
  protected abstract ask(connection: ConnectionCore, timeoutMs: number): number

  abstract place(bodyBytes: number): Uint8Array | undefined

  abstract answered(head: Buffer, body: Buffer): void

  protected succeed(): void {
    this.#settled()
    this.#resolve()
  }

  failed(error: GliderError): void {
    this.#settled()
    if (error.code !== 'UNAVAILABLE' || this.io.connections.closed) this.#reject(error)
    else this.#again(error).catch(this.#reject)
  }

  #settled(): void {
    this.#asked = false
    this.#unheed?.()
    this.#unheed = undefined
  }

  #attempt(connection: ConnectionCore, timeoutMs: number): void {
    this.#asked = true
    const id = this.ask(connection, timeoutMs)
    const { signal } = this.#options
    // On a connection that has gone it has failed already.
    if (!signal || !this.#asked) return
    const onAbort = (): void => connection.cancel(id, signal)
    signal.addEventListener('abort', onAbort)
    this.#unheed = () => signal.removeEventListener('abort', onAbort)
  }

  async #again(failure: GliderError): Promise<void> {
    await this.#check()
    const { clock } = this.io.connections.context
    if (clock.now() + PAUSE_MS >= this.#deadline) throw failure
    await pause(clock, PAUSE_MS, 'the operation', this.#options.signal)
    await this.#connect()
  }

  async #connect(): Promise<void> {
    const { connections } = this.io
    const { address } = this.block
    const { clock } = connections.context
    let connection: ConnectionCore
    try {
      const connecting = unlessCancelled(connections.get(address), 'the operation', this.#options.signal)
      connection = await unlessLate(connecting, clock, this.#deadline - clock.now(), `the operation on ${address}`)
    } catch (error) {
      this.failed(GliderError.from(error))
      return
    }
    this.#attempt(connection, Math.max(this.#deadline - clock.now(), 0))
  }
}

class BlockWrite extends BlockTransfer {
  protected override ask(connection: ConnectionCore, timeoutMs: number): number {
    return connection.requestRaw(catalogue.writeBlock, writeHead(this.block.location, this.offset), this.bytes, this, timeoutMs)
  }

  override place(): undefined {}

  override answered(): void {
    this.io.counters.bytesSent += this.bytes.length
    this.succeed()
  }
}

class BlockRead extends BlockTransfer {
  protected override ask(connection: ConnectionCore, timeoutMs: number): number {
    const head = readHead(this.block.location, this.offset, this.bytes.length)
    return connection.requestRaw(catalogue.readBlock, head, undefined, this, timeoutMs)
  }

  override place(bodyBytes: number): Uint8Array | undefined {
    return bodyBytes === this.bytes.length ? this.bytes : undefined
  }

  override answered(_head: Buffer, { length }: Buffer): void {
    this.io.counters.bytesReceived += length
    const asked = this.bytes.length
    if (length !== asked) throw new GliderError('PROTOCOL_ERROR', `a read of ${asked} bytes was answered with ${length}`)
    this.succeed()
  }
}
