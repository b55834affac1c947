import { type AnswerOf, catalogue, type HeadOf } from '../protocol/catalogue.ts'
import { type Clock, every, type Randomness, type Timer } from '../protocol/clock.ts'
import { fits, memberProof, metadataProof } from '../protocol/cluster-secret.ts'
import { type ConnectionContext, ConnectionCore } from '../protocol/connection.ts'
import type { dial, TlsTrust } from '../protocol/dial.system.ts'
import { GliderError } from '../protocol/errors.ts'
import type { HandlerTable } from '../protocol/handlers.ts'
import type { Operation } from '../protocol/operation.ts'
import type { ProvedServer } from '../protocol/peer.ts'
import { wrongServer } from '../protocol/wrong-server.ts'
import type { Log } from './log.ts'
import type { TrafficReports } from './traffic.ts'

const HEARTBEAT_MS = 1_000
/** Between attempts to register. */
export const RETRY_MS = 250
const ANSWER_MS = 5_000
/** How often to say that this server is about to end. */
const LEAVING_MS = 250

export interface MembershipOptions {
  readonly metadataAddress: string
  readonly context: ConnectionContext
  readonly dial: typeof dial
  readonly handlers: HandlerTable
  /** Of the cluster: this server proves that it has it, and asks the metadata server to do the same. */
  readonly secret?: string | undefined
  /** Where the metadata server speaks TLS. */
  readonly tls?: TlsTrust | undefined
  readonly randomness: Randomness
  readonly log: Log
  /** What is offered; asked for at each registration. */
  readonly offer: () => HeadOf<typeof catalogue.register>
  /** Told of each answer: after the metadata server came back without state, it does not know this server any more. */
  readonly registered: (answer: AnswerOf<typeof catalogue.register>) => void
  /** What goes along with each heartbeat, and who is told of the answer. */
  readonly beat?: () => Omit<HeadOf<typeof catalogue.heartbeat>, 'incarnation'>
  readonly beaten?: (answer: AnswerOf<typeof catalogue.heartbeat>) => void
  /** Of which the metadata server is told. */
  readonly traffic: TrafficReports
  /** Told once the metadata server does not take this server back: it was taken out of the cluster. */
  readonly dismissed: (why: string) => void
}

/**
 * A storage or active server's place in the cluster: registers, sends heartbeats, and does both anew whenever the connection
 * has gone. What the metadata server asks comes over the same connection. States: away → registering → member → away …, and
 * stopped from anywhere.
 */
export class Membership {
  readonly #options: MembershipOptions
  readonly #clock: Clock
  #connection: ConnectionCore | undefined
  #member = false
  /** Once for all attempts that fail in a row. */
  #toldOfFailure = false
  readonly #stopping = new AbortController()
  #timer: Timer | undefined
  #leaving: Timer | undefined
  #firstTime: { resolve(): void; reject(error: unknown): void } | undefined

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#clock = options.context.clock
  }

  get isMember(): boolean {
    return this.#member
  }

  /** Keeps trying; resolves at the first registration, rejects where it is refused for good. */
  join(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#firstTime = { resolve, reject }
      this.#attempt()
    })
  }

  /** Asks the metadata server; fails while this server is no member. */
  async request<Head, A>(operation: Operation<Head, A>, head: NoInfer<Head>): Promise<A> {
    return (await this.connection.request(operation, head, { timeoutMs: ANSWER_MS })).head
  }

  /** @throws GliderError UNAVAILABLE while there is none */
  get connection(): ConnectionCore {
    if (this.#connection?.usable) return this.#connection
    throw new GliderError('UNAVAILABLE', `the metadata server at ${this.#options.metadataAddress} cannot be reached`)
  }

  /** What the metadata server has asked for and waits for. */
  get asked(): number {
    return this.#connection?.callsUnderWay ?? 0
  }

  /**
   * Says that this server is about to end, so that nothing new is put here; and again and again, since the metadata server may be
   * another by then.
   * @param told how many writers have blocks here; 0 where there is nobody who knows
   */
  leave(incarnation: string, told: (writers: number) => void = () => {}): void {
    const say = (): void => {
      this.request(catalogue.leaving, { incarnation }).then(
        ({ writers }) => told(writers),
        (error: GliderError) => {
          this.#options.log.debug({ code: error.code }, `cannot tell the metadata server: ${error.message}`)
          told(0)
        },
      )
    }
    this.#leaving ??= every(this.#clock, LEAVING_MS, say)
    say()
  }

  stop(): void {
    this.#stopping.abort()
    this.#timer?.cancel()
    this.#leaving?.cancel()
    this.#connection?.close()
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  #attempt(): void {
    this.#register().then(
      () => {
        this.#firstTime?.resolve()
        this.#firstTime = undefined
      },
      (error: unknown) => this.#failed(GliderError.from(error)),
    )
  }

  async #register(): Promise<void> {
    const { metadataAddress, context, dial, handlers, offer, registered, log, secret } = this.#options
    const head = offer()
    const transport = await dial(metadataAddress, { tls: this.#options.tls, signal: this.#stopping.signal })
    const connection = new ConnectionCore(context, {
      transport,
      side: 'dialled',
      hello: memberOf(head),
      handlers,
      ...(secret !== undefined && { admit: () => undefined }),
    })
    this.#connection = connection
    if (this.#stopped) connection.close()
    await connection.start()
    const { role } = connection.peer
    // At first that is a mistake; later, whoever has taken the port may go again.
    if (role !== 'metadata') throw wrongServer(metadataAddress, role, this.#firstTime ? 'INVALID_ARGUMENT' : 'UNAVAILABLE')
    if (secret !== undefined) await this.#authenticate(connection, secret, head)
    const answer = await connection.request(catalogue.register, head, { timeoutMs: ANSWER_MS })
    registered(answer.head)
    this.#member = true
    this.#toldOfFailure = false
    log.info({ metadata: metadataAddress, id: answer.head.id }, 'registered')
    this.#timer = every(this.#clock, HEARTBEAT_MS, () => this.#beat(connection, head.incarnation))
    connection.onClose(reason => this.#lost(reason))
  }

  /** From then on the metadata server's word counts, too. */
  async #authenticate(connection: ConnectionCore, secret: string, head: HeadOf<typeof catalogue.register>): Promise<void> {
    const { metadataAddress, randomness } = this.#options
    const { head: challenge } = await connection.request(catalogue.challenge, {}, { timeoutMs: ANSWER_MS })
    const nonces = { asked: challenge.nonce, own: randomness.bytes(32).toString('base64url') }
    const member = memberOf(head)
    const own = { nonce: nonces.own, proof: memberProof(secret, member, nonces) }
    const answer = await connection.request(catalogue.authenticate, own, { timeoutMs: ANSWER_MS })
    if (!fits(answer.head.proof, metadataProof(secret, member, nonces))) {
      throw new GliderError('UNAUTHENTICATED', `the server at ${metadataAddress} does not know the secret of this cluster`)
    }
    connection.principal = { kind: 'server', proved: connection.peer }
  }

  #beat(connection: ConnectionCore, incarnation: string): void {
    const traffic = this.#options.traffic.next()
    const head = { incarnation, ...this.#options.beat?.(), ...(traffic && { traffic }) }
    connection.request(catalogue.heartbeat, head, { timeoutMs: ANSWER_MS }).then(
      answer => {
        this.#options.traffic.answered(traffic?.number)
        this.#options.beaten?.(answer.head)
      },
      // A metadata server that does not know us wants us to register again, which a new connection does.
      (error: GliderError) => connection.close(error),
    )
  }

  #lost(reason: GliderError): void {
    this.#member = false
    this.#timer?.cancel()
    if (this.#stopped) return
    this.#options.log.warn({ reason: reason.message }, 'lost the metadata server, registering again')
    this.#attempt()
  }

  #failed(error: GliderError): void {
    this.#connection?.close(error)
    if (this.#stopped) return
    if (error.retryable || error.code === 'PROTOCOL_ERROR') {
      if (!this.#toldOfFailure) {
        this.#options.log.warn({ code: error.code, reason: error.message }, 'cannot register yet, trying again')
      }
      this.#toldOfFailure = true
      this.#timer = this.#clock.after(RETRY_MS, () => this.#attempt())
      return
    }
    // At first whoever has wanted to join says so.
    if (this.#firstTime) this.#firstTime.reject(error)
    else {
      this.#options.log.error({ code: error.code }, `registration refused: ${error.message}`)
      this.#options.dismissed(error.message)
    }
    this.#firstTime = undefined
  }
}

/** What the proof is about: with it a server can register as nobody else. */
function memberOf({ role, incarnation, namespace }: HeadOf<typeof catalogue.register>): ProvedServer {
  return { role, clientId: incarnation, ...(namespace !== undefined && { namespace }) }
}
