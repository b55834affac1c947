import type { CallOptions } from '../actions/store.ts'
import { GliderError } from '../protocol/errors.ts'
import { INCARNATION_BYTES } from '../protocol/location.ts'
import type { BlockRef } from './block-io.ts'
import type { Connections } from './connections.ts'
import { pause } from './waiting.ts'

const PAUSE_MS = 250

export interface LossWatchOptions {
  /** Asks the metadata server about a block: DATA_LOST where its server is dead. */
  readonly check: (index: number, options: CallOptions) => Promise<unknown>
  /** Called at most once. */
  readonly lost: (error: GliderError) => void
}

/**
 * Looks after the servers that have acknowledged bytes of one writer, so that it hears of their death at once and not only at
 * its commit. A connection that goes is what rouses it: nothing is asked while all is well.
 */
export class LossWatch {
  readonly #connections: Connections
  readonly #options: LossWatchOptions
  /** One block each, by incarnation. */
  readonly #watched = new Map<string, { readonly block: BlockRef; readonly index: number; leave: () => void }>()
  /** Ends what is being asked; made when there is something. */
  #abort: AbortController | undefined
  #stopped = false

  constructor(connections: Connections, options: LossWatchOptions) {
    this.#connections = connections
    this.#options = options
  }

  /** Bytes of the block were acknowledged. */
  add(block: BlockRef, index: number): void {
    const incarnation = incarnationOf(block)
    if (this.#stopped || this.#watched.has(incarnation)) return
    this.#watched.set(incarnation, { block, index, leave: ignore })
    this.#listen(incarnation)
  }

  /** @throws GliderError DATA_LOST where one of the servers is known to be dead */
  async assertKept(options: CallOptions): Promise<void> {
    for (const { index } of [...this.#watched.values()]) await this.#options.check(index, options)
  }

  stop(): void {
    this.#stopped = true
    this.#abort?.abort()
    for (const { leave } of this.#watched.values()) leave()
    this.#watched.clear()
  }

  #listen(incarnation: string): void {
    const watched = this.#watched.get(incarnation)
    if (!watched) return
    const connection = this.#connections.ready(watched.block.address)
    // Another server may have come up at the address.
    if (connection?.peer.clientId === incarnation) {
      watched.leave = connection.onClose(() => this.#rouse(incarnation))
    } else this.#rouse(incarnation)
  }

  #rouse(incarnation: string): void {
    this.#investigate(incarnation).catch((thrown: unknown) => {
      const error = GliderError.from(thrown)
      if (error.code !== 'DATA_LOST' || this.#stopped) return
      this.stop()
      this.#options.lost(error)
    })
  }

  /** Ends when the server is back, or with the error that says that it will not be. */
  async #investigate(incarnation: string): Promise<void> {
    this.#abort ??= new AbortController()
    const { signal } = this.#abort
    const { clock } = this.#connections.context
    for (let watched = this.#watched.get(incarnation); watched; watched = this.#watched.get(incarnation)) {
      if (this.#stopped || this.#connections.closed) return
      await this.#options.check(watched.index, { signal })
      const connection = await this.#connections.get(watched.block.address).catch(ignore)
      if (connection?.peer.clientId === incarnation) {
        this.#listen(incarnation)
        return
      }
      await pause(clock, PAUSE_MS, 'looking after a server', signal)
    }
  }
}

function incarnationOf({ location }: BlockRef): string {
  return location.toString('latin1', 0, INCARNATION_BYTES)
}

function ignore(): undefined {}
