import type { Clock } from '../../protocol/clock.ts'
import type { FaultCluster } from './cluster.ts'
import { type Fault, roleOf, type ServerSeat } from './schedule.ts'
import { until } from './waiting.ts'

/** Faults after which the metadata server may rightly take a server for dead: of connections, those to itself. */
const DEADLY: ReadonlySet<Fault['kind']> = new Set(['kill', 'stop', 'restart', 'cut', 'silence'])
/** Within this time every server is back once it can be. */
const BACK_MS = 30_000

interface Life {
  readonly seat: ServerSeat
  /** Its process has ended. */
  over: boolean
  /** Something has happened to it for which it may be taken for dead. */
  harmed: boolean
}

/** Which process is which server of the metadata server's list, and what has become of it. */
export class Roster {
  readonly #cluster: FaultCluster
  readonly #clock: Clock
  /** By the name of the list. A name may come again once nothing is left of who had it. */
  readonly #lives = new Map<string, Set<Life>>()
  readonly #current = new Map<ServerSeat, Life>()

  constructor(cluster: FaultCluster, clock: Clock) {
    this.#cluster = cluster
    this.#clock = clock
  }

  /** A new process is there, and the metadata server has taken it up. */
  async joined(seat: ServerSeat): Promise<void> {
    this.#current.set(seat, { seat, over: false, harmed: false })
    await this.back(seat)
  }

  /** Resolves once the metadata server takes the one that is there for alive. */
  async back(seat: ServerSeat): Promise<void> {
    const life = this.#current.get(seat)!
    const { address } = this.#cluster.member(seat).front
    const { store } = this.#cluster
    let seen: unknown
    await until(
      () => `${seat} is back, but there are ${JSON.stringify(seen)}`,
      this.#clock,
      BACK_MS,
      async () => {
        // Of an address at most one server is not dead, and a new one is ready once it is taken up.
        const servers = await store.servers({ timeoutMs: BACK_MS })
        seen = servers
        const server = servers.find(one => one.address === address && one.state === 'live')
        // One that was given up and held nothing any more has another name when it comes back.
        if (server) this.#lives.set(server.id, (this.#lives.get(server.id) ?? new Set()).add(life))
        return server !== undefined || seat === 'metadata'
      },
    )
  }

  harm(fault: Fault): void {
    if (!('seat' in fault) || fault.kind === 'death' || !DEADLY.has(fault.kind)) return
    if ('side' in fault && fault.side === 'front') return
    const life = this.#current.get(fault.seat)
    if (!life) return
    life.harmed = true
    if (fault.kind === 'kill' || fault.kind === 'restart') life.over = true
  }

  /**
   * What is wrong with an error that names a server as gone; undefined where nothing is.
   * @param server its id, or `at host:port`
   * @param forGood all servers that live are back
   */
  judge(server: string, forGood: boolean): string | undefined {
    const lives = server.startsWith('at ') ? this.#at(server.slice('at '.length)) : [...(this.#lives.get(server) ?? [])]
    if (server === '') return 'no server is named'
    // One that has come and gone before anybody asked for the list.
    if (lives.length === 0) return undefined
    // Blocks come back with a process that was only held up, objects do not.
    if (forGood && lives.every(({ seat, over }) => roleOf(seat) === 'storage' && !over))
      return `${server} (${lives[0]!.seat}) is there`
    return lives.some(({ harmed }) => harmed) ? undefined : `nothing has happened to ${server} (${lives[0]!.seat})`
  }

  /** All that were there, for who names an address may speak of an earlier one. */
  #at(address: string): Life[] {
    const lives = [...this.#lives.values()].flatMap(all => [...all])
    return lives.filter(({ seat }) => this.#cluster.member(seat).front.address === address)
  }
}
