/** One cluster in virtual time: the real servers in processes that die and return, clients, and the network between them. */
import type { StoreClient } from '../../actions/store.ts'
import { openStore } from '../../client/store-client.ts'
import { startMetadataServer } from '../../metadata-server/start.ts'
import { GliderError } from '../../protocol/errors.ts'
import type { System } from '../../server/system.ts'
import { startStorageServer } from '../../storage-server/storage-server.ts'
import { type SimulatedActiveServer, startSimulatedActiveServer } from './active-server.ts'
import { Disk } from './disk.ts'
import { VirtualNetwork } from './network.ts'
import type { Odds } from './odds.ts'
import { Process } from './process.ts'
import { Scheduler } from './scheduler.ts'

export interface WorldShape {
  readonly storageServers: number
  /** Of each storage server. */
  readonly blocks: number
  readonly blockBytes: number
  readonly inlineBytes: number
  readonly inlineBudgetBytes: number
  readonly slots: number
  readonly deadAfterMs: number
  /** Whether the metadata server has one. */
  readonly journal: boolean
  /** Whether it waits for its disk. */
  readonly sync: boolean
}

interface Running {
  readonly process: Process
  /** Undefined until it has started. */
  stop?: () => Promise<void>
  active?: SimulatedActiveServer
}

export interface Machine {
  readonly name: string
  readonly host: string
  readonly start: (process: Process) => Promise<Pick<Running, 'stop' | 'active'>>
  running: Running | undefined
  lives: number
}

export interface Client {
  readonly process: Process
  readonly store: StoreClient
}

const METADATA = 'meta:9060'
/** Until whoever has lost a connection has another, and has been answered there. */
const MENDING_MS = 500
/** Until somebody starts a server again that was taken out of the cluster. */
const RETURN_MS = 500

export class World {
  readonly scheduler: Scheduler
  readonly network: VirtualNetwork
  readonly odds: Odds
  readonly disk = new Disk()
  readonly shape: WorldShape
  readonly metadata: Machine
  readonly storage: readonly Machine[]
  readonly active: Machine | undefined
  readonly clients: Client[] = []
  /** What must never happen, and has. */
  readonly complaints: string[] = []
  /** How long everything takes that takes time, against a slow schedule. */
  readonly pace: number
  /** Whether claims wait for clients that may never come back. */
  hasRestarted = false
  /** The metadata server has restarted without a journal: of what there was, nothing is promised any more. */
  hasForgotten = false
  /** Text that was written so far, counted. */
  pieces = 0
  /** A storage server came back empty, or may have been given up. */
  mayLoseData = false
  /** The same of the active server. */
  mayLoseObjects = false
  /** When something was wrong, in the order in which it began. */
  readonly #trouble: { readonly from: number; readonly until: number }[] = []

  constructor(odds: Odds, trace?: (line: string) => void) {
    this.odds = odds
    this.scheduler = new Scheduler(trace)
    this.network = new VirtualNetwork(this.scheduler, odds.fork())
    this.pace = odds.of([0.12, 0.25, 0.25, 1])
    const shape = chooseShape(odds)
    this.shape = shape
    this.scheduler.note('world', () => JSON.stringify(shape))
    this.metadata = machine('metadata', 'meta', async process => {
      const { deadAfterMs, blockBytes, inlineBytes, inlineBudgetBytes, sync } = shape
      const limits = { deadAfterMs, blockBytes, inlineBytes, inlineBudgetBytes }
      const config = { host: '', port: 9060, ...(shape.journal && { stateDir: 'virtual', sync }), ...limits }
      const left = (why: string): void => this.complain(`the metadata server leaves: ${why}`)
      return startMetadataServer(config, this.#systemOf(process), left, this.disk.opener(process))
    })
    this.storage = Array.from({ length: shape.storageServers }, (_, index) =>
      machine(`storage-${index}`, `storage${index}`, async process => {
        const room = { capacityBytes: shape.blocks * shape.blockBytes, storageClass: 'dram' }
        const kind = { kind: 'dram', prefault: 'off' } as const
        const config = { host: '', port: 7000, metadata: METADATA, ...room, ...kind }
        return startStorageServer(config, this.#systemOf(process), () => this.#dismissed(process))
      }),
    )
    if (shape.slots > 0) {
      this.active = machine('active', 'active', async process => {
        const active = await startSimulatedActiveServer(
          { port: 7100, metadata: METADATA, slots: shape.slots },
          this.#systemOf(process),
        )
        return { stop: () => active.stop(), active }
      })
    }
  }

  get machines(): readonly Machine[] {
    return [this.metadata, ...this.storage, ...(this.active ? [this.active] : [])]
  }

  complain(what: string): void {
    this.scheduler.note('world', () => `COMPLAINT ${what}`)
    this.complaints.push(what)
  }

  /** Something is wrong from now on; even what is over at once takes its time to be mended. */
  wentWrong(forMs: number): void {
    const from = this.scheduler.now
    this.#trouble.push({ from, until: from + forMs + MENDING_MS })
  }

  /** The longest that a client may have asked in vain. */
  longestSilenceMs(): number {
    let longest = 0
    let begun = 0
    let over = Number.NEGATIVE_INFINITY
    for (const { from, until } of this.#trouble) {
      if (from > over + MENDING_MS) begun = from
      over = Math.max(over, until)
      longest = Math.max(longest, over - begun)
    }
    return longest
  }

  /** The metadata server may not hear of servers on these hosts for so long. */
  mayGiveUp(hosts: readonly string[], forMs: number): void {
    if (!hosts.includes('meta') || forMs < this.shape.deadAfterMs / 2) return
    if (hosts.some(host => host.startsWith('storage'))) this.mayLoseData = true
    if (hosts.includes('active')) this.mayLoseObjects = true
  }

  /** Starts a machine's process; it goes on by itself. */
  start(machine: Machine): void {
    machine.lives++
    // Without a journal the epochs of generations rise with the calendar.
    const skewMs = this.shape.journal ? this.odds.below(3) * 500 : 0
    const process = this.#process(`${machine.name}.${machine.lives}`, machine.host, skewMs)
    const running: Running = { process }
    machine.running = running
    machine.start(process).then(
      started => Object.assign(running, started),
      (thrown: unknown) => {
        if (process.state === 'dead') return
        const error = GliderError.from(thrown)
        this.complain(`${process.name} could not start: ${error.code} ${error.message}`)
      },
    )
  }

  kill(machine: Machine, silently = false): void {
    machine.running?.process.kill(silently)
    machine.running = undefined
  }

  /** Stops a server in order. */
  async stop(machine: Machine): Promise<void> {
    const { running } = machine
    machine.running = undefined
    await running?.stop?.()
  }

  /** The operator has taken it out, and it has stopped by itself. */
  #dismissed(process: Process): void {
    const machine = this.storage.find(({ running }) => running?.process === process)
    if (!machine) return
    machine.running = undefined
    this.scheduler.plan(this.network.wire, RETURN_MS, `${machine.name} is started anew`, () => {
      if (!machine.running) this.start(machine)
    })
  }

  connect(name: string): Client {
    const process = this.#process(name, name, 0)
    const { clock, randomness } = process
    const { dial } = this.network.of(process)
    const client = { process, store: openStore(METADATA, { clock, randomness, dial, spin: process.odds.oneIn(4) }) }
    this.clients.push(client)
    return client
  }

  #process(name: string, host: string, skewMs: number): Process {
    const complain = (message: string): void => this.complain(message)
    return new Process(this.scheduler, { name, host, odds: this.odds.fork(), skewMs, complain })
  }

  #systemOf(process: Process): System {
    const { clock, randomness, log } = process
    return { clock, randomness, log, network: this.network.of(process) }
  }
}

function machine(name: string, host: string, start: Machine['start']): Machine {
  return { name, host, start, running: undefined, lives: 0 }
}

function chooseShape(odds: Odds): WorldShape {
  const inlineBytes = odds.of([0, 64, 256])
  return {
    storageServers: 1 + odds.below(3),
    blocks: odds.of([8, 24, 64]),
    blockBytes: odds.of([256, 1024]),
    inlineBytes,
    inlineBudgetBytes: odds.of([600, 1 << 20]),
    slots: odds.oneIn(3) ? 0 : 1 + odds.below(3),
    deadAfterMs: odds.of([1_500, 5_000]),
    journal: !odds.oneIn(6),
    sync: odds.oneIn(2),
  }
}
