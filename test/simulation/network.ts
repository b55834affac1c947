/** The network between the processes of a simulation. */
import { ConnectionCore } from '../../protocol/connection.ts'
import type { dial } from '../../protocol/dial.system.ts'
import { GliderError } from '../../protocol/errors.ts'
import type { Transport } from '../../protocol/transport.ts'
import type { ChassisOptions } from '../../server/chassis.ts'
import { drained, drainingError } from '../../server/drain.ts'
import type { Listener, Network } from '../../server/network.ts'
import { type End, Link } from './link.ts'
import type { Odds } from './odds.ts'
import type { Process } from './process.ts'
import type { Owner, Scheduler } from './scheduler.ts'

interface Listening {
  readonly process: Process
  readonly accept: (transport: Transport) => void
}

const DIAL_TIMEOUT_MS = 10_000
/** Who gets no answer to its dialling dials again. */
const KNOCKING_MS = 1_000

export class VirtualNetwork {
  /** What happens on the way is nobody's. */
  readonly wire: Owner = { name: 'network', state: 'running', defer: () => {} }
  readonly links = new Set<Link>()
  readonly #scheduler: Scheduler
  readonly #odds: Odds
  readonly #listening = new Map<string, Listening>()
  /** Addresses on machines that are gone. */
  readonly #silent = new Set<string>()
  /** Pairs of hosts that do not reach each other, and until when. */
  readonly #partitions = new Map<string, number>()
  #links = 0

  constructor(scheduler: Scheduler, odds: Odds) {
    this.#scheduler = scheduler
    this.#odds = odds
  }

  /** The network as one process sees it. */
  of(process: Process): Network {
    return {
      listen: options => this.#listen(process, options),
      dial: (address, options) => this.#dial(process, address, options),
    }
  }

  /** How long bytes take from one process to another. */
  latency(): number {
    return this.#odds.rarelyLong(0.5, 20)
  }

  /** Nothing passes between two hosts for so long. */
  partition(a: string, b: string, forMs: number): void {
    const until = this.#scheduler.now + forMs
    this.#partitions.set(pairOf(a, b), until)
    for (const link of this.links) if (link.joins(a, b)) link.hold(until)
  }

  /** From now on everything passes. */
  heal(): void {
    this.#partitions.clear()
    for (const link of this.links) link.release()
  }

  isUp(host: string): boolean {
    for (const { process } of this.#listening.values()) if (process.host === host) return true
    return false
  }

  #separated(a: string, b: string): number {
    return this.#partitions.get(pairOf(a, b)) ?? 0
  }

  #listen(process: Process, options: ChassisOptions): Promise<Listener> {
    const { context, handlers, id, role, port } = options
    const address = `${process.host}:${port}`
    const connections = new Set<ConnectionCore>()
    const listening: Listening = {
      process,
      accept: transport => {
        const connection = new ConnectionCore(context, { transport, side: 'accepted', hello: { role, clientId: id }, handlers })
        connections.add(connection)
        connection.onClose(() => connections.delete(connection))
        connection.start().catch(() => undefined)
      },
    }
    this.#listening.set(address, listening)
    this.#silent.delete(address)
    process.onKill(() => {
      this.#forget(address, listening)
      if (process.isSilent) this.#silent.add(address)
    })
    return Promise.resolve({
      address,
      drainingError: () => drainingError(role, address),
      drain: async (timeMs, work) => void (await drained(context.clock, timeMs, work)),
      stop: async () => {
        this.#forget(address, listening)
        const reason = new GliderError('UNAVAILABLE', `the ${role} server at ${address} is stopping`, { outcome: 'unknown' })
        for (const connection of [...connections]) {
          connection.goAway()
          connection.close(reason)
        }
      },
    })
  }

  #forget(address: string, listening: Listening): void {
    if (this.#listening.get(address) === listening) this.#listening.delete(address)
  }

  #dial(
    process: Process,
    address: string,
    { signal, timeoutMs = DIAL_TIMEOUT_MS }: Parameters<typeof dial>[1] = {},
  ): Promise<Transport> {
    const [host = ''] = address.split(':')
    return new Promise((resolve, reject) => {
      let settled = false
      const settle = (how: () => void): void => {
        if (settled) return
        settled = true
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
        how()
      }
      const failed = (why: string): void =>
        settle(() => reject(new GliderError('UNAVAILABLE', `no glider server answers at ${address} (${why}): is it running?`)))
      const onAbort = (): void =>
        settle(() => reject(new GliderError('CANCELLED', `connecting to ${address} was cancelled by its own signal`)))
      const timer = this.#scheduler.plan(process, timeoutMs, `dial ${address} in vain`, () => failed('no answer in time'))
      if (signal?.aborted) {
        onAbort()
        return
      }
      signal?.addEventListener('abort', onAbort)
      const knock = (): void => {
        if (settled || process.state === 'dead') return
        const listening = this.#listening.get(address)
        if (this.#separated(process.host, host) > this.#scheduler.now || (!listening && this.#silent.has(address))) {
          this.#scheduler.plan(this.wire, KNOCKING_MS, `${process.name} dials ${address} again`, knock)
        } else if (!listening) {
          this.#scheduler.plan(process, this.latency(), `${address} refuses`, () => failed('connect ECONNREFUSED'))
        } else {
          this.#join(process, listening, address, end =>
            settled ? end.sever('nobody waits any more') : settle(() => resolve(end)),
          )
        }
      }
      this.#scheduler.plan(this.wire, this.latency(), `${process.name} dials ${address}`, knock)
    })
  }

  #join(process: Process, { process: server, accept }: Listening, address: string, done: (end: End) => void): void {
    const link = new Link(this.#scheduler, this, this.#odds.fork(), this.#links++, [process, server], address)
    const until = this.#separated(process.host, server.host)
    if (until > this.#scheduler.now) link.hold(until)
    this.#scheduler.plan(server, this.latency(), `accepts link ${link.number}`, () => {
      this.links.add(link)
      accept(link.ends[1])
      // Whoever dialled may have gone already.
      link.over()
      this.#scheduler.plan(process, this.latency(), `has link ${link.number}`, () => done(link.ends[0]))
    })
  }
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
