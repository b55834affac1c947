/**
 * Tells storage servers which blocks were taken back. Always holds: a freed block is told to its server until that has
 * answered or has ended. It may be handed out again at once: the generation of its next owner is higher, and wins.
 */
import { catalogue } from '../protocol/catalogue.ts'
import type { Clock } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Log } from '../server/log.ts'
import type { Block } from './blocks.ts'
import type { Journal } from './journal/journal.ts'
import type { ServerRecord } from './servers.ts'

/** So many fit well into the head of one frame. */
const BATCH = 1000
const ANSWER_TIMEOUT_MS = 5000

interface Queue {
  /** In order of their coming, so that each is told in time however many follow. */
  readonly batches: Block[][]
  /** A batch is on its way, or the timer for one runs. */
  busy: boolean
  /** How many have come, and how many of them its server has been told. */
  added: number
  told: number
  readonly waiters: { readonly until: number; readonly resolve: () => void }[]
}

export interface FreesParts {
  readonly clock: Clock
  /** How long freed blocks are gathered. */
  readonly delayMs: number
  readonly log: Log
  readonly journal: Journal
}

export class Frees {
  readonly #clock: Clock
  readonly #delayMs: number
  readonly #log: Log
  readonly #journal: Journal
  readonly #queues = new Map<ServerRecord, Queue>()

  constructor({ clock, delayMs, log, journal }: FreesParts) {
    this.#clock = clock
    this.#delayMs = delayMs
    this.#log = log
    this.#journal = journal
  }

  add(block: Block): void {
    const { server } = block.space
    if (server.state === 'removed') return
    let queue = this.#queues.get(server)
    if (!queue) {
      queue = { batches: [], busy: false, added: 0, told: 0, waiters: [] }
      this.#queues.set(server, queue)
    }
    const last = queue.batches.at(-1)
    if (last && last.length < BATCH) last.push(block)
    else queue.batches.push([block])
    queue.added += 1
    this.#schedule(server, queue)
  }

  /** Resolves when the server has been told of everything that was freed so far, or never comes back. */
  flushed(server: ServerRecord): Promise<void> {
    const queue = this.#queues.get(server)
    if (!queue) return Promise.resolve()
    return new Promise(resolve => queue.waiters.push({ until: queue.added, resolve }))
  }

  /** The server has a connection again. */
  resume(server: ServerRecord): void {
    const queue = this.#queues.get(server)
    if (queue) this.#schedule(server, queue)
  }

  /** The server never comes back as it was. */
  forget(server: ServerRecord): void {
    for (const { resolve } of this.#queues.get(server)?.waiters ?? []) resolve()
    this.#queues.delete(server)
  }

  #schedule(server: ServerRecord, queue: Queue): void {
    if (queue.busy || queue.batches.length === 0 || !server.connection) return
    queue.busy = true
    this.#clock.after(this.#delayMs, () => void this.#send(server, queue))
  }

  async #send(server: ServerRecord, queue: Queue): Promise<void> {
    for (let freed = queue.batches.shift(); freed; freed = queue.batches.shift()) {
      if (!server.connection) {
        queue.batches.unshift(freed)
        break
      }
      const blocks = freed.map(({ index, epoch, counter }): [number, number, number] => [index, epoch, counter])
      try {
        // A restart must not find what it owns gone.
        await this.#journal.settled()
        const { connection } = server
        if (!connection) throw new GliderError('UNAVAILABLE', `${server.id} is not connected`)
        await connection.request(catalogue.freeBlocks, { blocks }, { timeoutMs: ANSWER_TIMEOUT_MS })
      } catch (error) {
        queue.batches.unshift(freed)
        this.#log.warn(
          { server: server.id, blocks: blocks.length, error },
          'could not tell a server what was freed; will try again',
        )
        break
      }
      queue.told += freed.length
      while (queue.waiters[0] && queue.waiters[0].until <= queue.told) queue.waiters.shift()?.resolve()
    }
    queue.busy = false
    if (queue.batches.length === 0 && this.#queues.get(server) === queue) this.#queues.delete(server)
    else this.#schedule(server, queue)
  }
}
