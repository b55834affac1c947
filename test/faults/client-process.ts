/**
 * A client as a process of its own: does everything at the same time that its lanes can do, checks every byte, and tells its parent
 * what it was promised. Its life is in the parent's hands.
 */
import process from 'node:process'
import { StoreClient } from 'glider'
import { systemClock } from '../../protocol/clock.system.ts'
import { every } from '../../protocol/clock.ts'
import { Chance } from '../fuzz/chance.ts'
import { AppendLane } from './lanes/appended.ts'
import { BagLane } from './lanes/bags.ts'
import { FileLane } from './lanes/files.ts'
import { InheritedLane } from './lanes/inherited.ts'
import type { Lane, Work } from './lanes/lane.ts'
import { LedgerLane } from './lanes/ledger.ts'
import { MergeLane } from './lanes/merge.ts'
import { SharedLane } from './lanes/shared.ts'
import { TableLane } from './lanes/tables.ts'
import { TreeLane } from './lanes/tree.ts'
import type { FromClient, ToClient } from './messages.ts'
import { Operations } from './operations.ts'

/** What a lane rests for between two steps. */
const LEAST_REST_MS = 20
const MOST_REST_MS = 120
const COUNT_MS = 500

type Begin = Extract<ToClient, { begin: unknown }>['begin']

class Client {
  readonly #operations = new Operations(systemClock, {
    broken: what => tell({ broken: what }),
    gone: (server, message) => tell({ gone: { server, message, calm: this.#operations.calm } }),
  })
  #store: StoreClient | undefined
  #lanes: readonly Lane[] = []
  #running: Promise<unknown> = Promise.resolve()
  #paused = false

  constructor() {
    every(systemClock, COUNT_MS, () => this.#tellCounts())
  }

  async take(message: ToClient): Promise<void> {
    if ('begin' in message) this.#running = this.#begin(message.begin)
    else if ('pause' in message) {
      this.#paused = true
      await this.#running
      tell({ idle: true })
    } else if ('verify' in message) {
      this.#operations.calm = true
      const counts = await Promise.all(this.#lanes.map(lane => lane.verify()))
      this.#tellCounts()
      tell({ verified: counts.reduce((sum, count) => sum + count, 0) })
    } else {
      await this.#store?.close()
      this.#store = undefined
      this.#lanes = []
      this.#tellCounts()
      tell({ closed: true })
    }
  }

  async #begin({ address, root, seed, calm, inherited }: Begin): Promise<void> {
    this.#paused = false
    this.#operations.calm = calm
    const chance = new Chance(seed)
    this.#store = await this.#insist('connect', address, () => StoreClient.connect(address, this.#operations.call))
    const store = this.#store
    if (!store) return
    await this.#insist('create', root, () => store.create(root, 'directory', { ifExists: 'open', ...this.#operations.call }))
    const work = (): Work => ({
      store,
      root,
      operations: this.#operations,
      clock: systemClock,
      chance: new Chance(chance.below(2 ** 32)),
      note: noted => tell({ noted }),
    })
    this.#lanes = [
      new FileLane(work(), 'first'),
      new FileLane(work(), 'second'),
      new AppendLane(work()),
      new BagLane(work()),
      new TableLane(work()),
      new SharedLane(work()),
      new LedgerLane(work()),
      new MergeLane(work()),
      new TreeLane(work()),
      ...(inherited ? [new InheritedLane(work(), inherited)] : []),
    ]
    await Promise.all(this.#lanes.map(lane => this.#run(lane, new Chance(chance.below(2 ** 32)))))
  }

  async #run(lane: Lane, chance: Chance): Promise<void> {
    while (!this.#paused) {
      await lane.step()
      await new Promise<void>(resolve => systemClock.after(LEAST_REST_MS + chance.below(MOST_REST_MS - LEAST_REST_MS), resolve))
    }
  }

  /** Again and again, as long as it is wanted. */
  async #insist<T>(kind: 'connect' | 'create', what: string, work: () => Promise<T>): Promise<T | undefined> {
    while (!this.#paused) {
      const outcome = await this.#operations.run(kind, what, this.#operations.call.timeoutMs, work)
      if (outcome.ok) return outcome.value
      await new Promise<void>(resolve => systemClock.after(MOST_REST_MS, resolve))
    }
    return undefined
  }

  #tellCounts(): void {
    const counted = this.#operations.takeCounts()
    if (Object.keys(counted).length > 0) tell({ counted })
  }
}

function tell(message: FromClient): void {
  process.send!(message)
}

function fatal(thrown: unknown): void {
  const said = thrown instanceof Error ? thrown.stack : String(thrown)
  process.send!({ broken: `nobody heard of an error in a client: ${said}` } satisfies FromClient, () => process.exit(1))
}

process.on('unhandledRejection', fatal).on('uncaughtException', fatal)
process.on('disconnect', () => process.exit(0))
const client = new Client()
process.on('message', (message: object) => {
  if (!('probe' in message)) client.take(message as ToClient).catch(fatal)
})
tell({ loaded: true })
