/** Does what the schedule says to the cluster and its clients, and sees to it that all comes back. */
import { type ErrorCode, GliderError, StoreClient } from 'glider'
import type { Clock } from '../../protocol/clock.ts'
import type { ClientPlace } from './client-place.ts'
import type { FaultCluster } from './cluster.ts'
import type { Member } from './member.ts'
import type { Roster } from './roster.ts'
import { type ClientSeat, describeFault, type Fault, kindOf } from './schedule.ts'
import { rest, until } from './waiting.ts'

const BACK_MS = 30_000
const FILLING_BYTES = 2 << 20
const FILL_CODES: readonly ErrorCode[] = ['UNAVAILABLE', 'TIMEOUT', 'DATA_LOST']

export interface DriverParts {
  readonly cluster: FaultCluster
  readonly clients: ReadonlyMap<ClientSeat, ClientPlace>
  readonly roster: Roster
  readonly clock: Clock
  readonly seed: number
  readonly broken: (what: string) => void
  readonly say: (line: string) => void
}

export class Driver {
  readonly #parts: DriverParts
  readonly #underWay = new Set<Promise<void>>()
  /** By kind. */
  readonly done: Record<string, number> = {}
  #fills = 0

  constructor(parts: DriverParts) {
    this.#parts = parts
  }

  /** Begins every fault at its time; resolves once the last is over and every server is back. */
  async run(faults: readonly Fault[], durationMs: number): Promise<void> {
    const { clock, broken, say } = this.#parts
    const startMs = clock.now()
    const until = (atMs: number): Promise<void> => rest(clock, startMs + atMs - clock.now())
    for (const fault of faults) {
      await until(fault.atMs)
      say(describeFault(fault))
      const running = this.#carryOut(fault)
        .then(() => {
          const kind = kindOf(fault)
          this.done[kind] = (this.done[kind] ?? 0) + 1
        })
        .catch((error: unknown) => broken(`${describeFault(fault).trim()}: ${(error as Error).message}`))
        .finally(() => this.#underWay.delete(running))
      this.#underWay.add(running)
    }
    await until(durationMs)
    await Promise.all(this.#underWay)
  }

  #carryOut(fault: Fault): Promise<void> {
    const { cluster, clients, seed } = this.#parts
    switch (fault.kind) {
      case 'fill':
        return this.#fill(fault.storageClass, fault.forMs)
      case 'death': {
        const place = clients.get(fault.seat)!
        const dying = place.busy.then(() => place.die(seed))
        place.busy = dying.catch(() => undefined)
        return dying
      }
      default: {
        const member = cluster.member(fault.seat)
        return member.inTurn(() => this.#harm(member, fault))
      }
    }
  }

  async #harm(member: Member, fault: Exclude<Fault, { kind: 'fill' | 'death' }>): Promise<void> {
    const { roster, clock } = this.#parts
    roster.harm(fault)
    switch (fault.kind) {
      case 'kill':
        await member.end('SIGKILL')
        await rest(clock, fault.forMs)
        await member.start()
        return roster.joined(member.seat)
      case 'restart':
        await member.end('SIGTERM')
        await member.start()
        return roster.joined(member.seat)
      case 'stop':
        member.child.signal('SIGSTOP')
        await rest(clock, fault.forMs)
        member.child.signal('SIGCONT')
        return roster.back(member.seat)
      default: {
        const way = fault.side === 'link' ? member.link! : member.front
        if (fault.kind === 'delay') way.delay(fault.delayMs!)
        else if (fault.kind === 'silence') way.silence(true)
        else {
          way.refuse(true)
          way.cut()
        }
        await rest(clock, fault.forMs)
        way.delay(0)
        way.silence(false)
        way.refuse(false)
        return roster.back(member.seat)
      }
    }
  }

  /** Takes all room of a class, and gives it back. */
  async #fill(storageClass: string, forMs: number): Promise<void> {
    const { broken, cluster, clock } = this.#parts
    // A client of its own, so that no connection of it stays.
    await using store = await this.#connected(cluster.way.address)
    const root = `/filling-${this.#fills++}`
    const bytes = Buffer.alloc(FILLING_BYTES, 1)
    await store.create(root, 'directory')
    for (let file = 0; ; file++) {
      const code = await store.put(`${root}/${file}`, bytes, { storageClass: [storageClass] }).then(
        () => undefined,
        (error: unknown) => GliderError.from(error).code,
      )
      if (code === 'NO_SPACE') break
      if (code !== undefined && !FILL_CODES.includes(code)) broken(`filling ${storageClass} ended with ${code}`)
    }
    await rest(clock, forMs)
    if (!(await store.delete(root, { recursive: true }))) broken(`${root} was there, and there was nothing to delete`)
  }

  /** Who connects while the metadata server is away is told so at once. */
  async #connected(address: string): Promise<StoreClient> {
    let store: StoreClient | undefined
    await until('the metadata server is there', this.#parts.clock, BACK_MS, async () => {
      store = await StoreClient.connect(address).catch(() => undefined)
      return store !== undefined
    })
    return store!
  }
}
