import { systemClock } from '../../protocol/clock.system.ts'
import { Child } from './child.ts'
import { FaultProxy } from './proxy.system.ts'
import { roleOf, type ServerSeat } from './schedule.ts'
import { within } from './waiting.ts'

/** With its registration, for which others may have to be back. */
const START_MS = 40_000

/** The C library gives memory of ended threads back, as operators are told to have it. */
const GIVE_BACK = { MALLOC_MMAP_THRESHOLD_: `${1 << 20}`, MALLOC_TRIM_THRESHOLD_: `${16 << 20}` }

/** One server of the cluster: a process at a time, and proxies for who comes to it and for its own way to the metadata server. */
export class Member {
  readonly seat: ServerSeat
  readonly front: FaultProxy
  /** Its own way to the metadata server. */
  readonly link: FaultProxy | undefined
  readonly #flags: readonly string[]
  /** Those that have to be told where it is, too. */
  readonly #ways: FaultProxy[]
  #child: Child | undefined
  /** Whether it is meant to be there: a process that ends meanwhile has broken down. */
  #wanted = false
  readonly #brokeDown: (why: string) => void
  /** Faults of this member one after another. */
  #busy: Promise<unknown> = Promise.resolve()

  private constructor(
    seat: ServerSeat,
    front: FaultProxy,
    link: FaultProxy | undefined,
    flags: readonly string[],
    brokeDown: (why: string) => void,
  ) {
    this.seat = seat
    this.front = front
    this.link = link
    this.#flags = flags
    this.#ways = [front]
    this.#brokeDown = brokeDown
  }

  /** @param metadata the member that the others belong to */
  static async make(
    seat: ServerSeat,
    flags: readonly string[],
    metadata: Member | undefined,
    brokeDown: (why: string) => void,
  ): Promise<Member> {
    const front = await FaultProxy.start()
    const link = metadata && (await FaultProxy.start())
    const common = [
      '--port',
      '0',
      '--log-level',
      'error',
      '--advertise',
      front.address,
      ...(link ? ['--metadata', link.address] : []),
    ]
    const member = new Member(seat, front, link, [...flags, ...common], brokeDown)
    if (metadata && link) metadata.#ways.push(link)
    return member
  }

  /** One more way to it, which faults do not harm. */
  async safeWay(): Promise<FaultProxy> {
    const proxy = await FaultProxy.start()
    this.#ways.push(proxy)
    return proxy
  }

  get child(): Child {
    return this.#child!
  }

  /** Begins when whatever has been begun with this member is over. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#busy.then(work)
    this.#busy = turn.catch(() => undefined)
    return turn
  }

  /** Resolves once the server says that it is ready; rejects with its last words where it does not get so far. */
  async start(): Promise<void> {
    const role = roleOf(this.seat)
    let isReady: () => void
    const ready = new Promise<void>(resolve => {
      isReady = resolve
    })
    const child = new Child(`${role}-server/main.js`, this.#flags, role === 'active' ? GIVE_BACK : {}, message => {
      if ('port' in message) for (const way of this.#ways) way.lead(`127.0.0.1:${message.port as number}`)
      else if ('ready' in message) isReady()
    })
    this.#child = child
    this.#wanted = true
    void child.exited.then(how => {
      if (this.#wanted && this.#child === child) this.#brokeDown(`${this.seat} broke down: ${how}`)
    })
    const failed = child.exited.then(how => {
      throw new Error(`${this.seat} did not start: ${how}`)
    })
    await within(`the start of ${this.seat}`, systemClock, START_MS, Promise.race([ready, failed]))
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#wanted = false
    await this.#child?.end(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
    for (const proxy of this.#ways) await proxy[Symbol.asyncDispose]()
    await this.link?.[Symbol.asyncDispose]()
  }
}
