/** A metadata server whose clock, connections and peers are turned by hand. */
import { type AnswerOf, catalogue, type HeadOf, type OperationName } from '../protocol/catalogue.ts'
import type { Clock, Randomness } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Operation } from '../protocol/operation.ts'
import type { Answer, ByteStream, Call, Connection, Handlers, Hello, Principal, Reply } from '../protocol/peer.ts'
import type { Log } from '../server/log.ts'
import type { MetadataConfig } from './config.ts'
import type { SavedState } from './journal/restore.ts'
import { MetadataServer } from './metadata-server.ts'

export class FakeClock implements Clock {
  #now = 0
  #order = 0
  readonly #timers = new Map<number, { atMs: number; callback: () => void }>()
  readonly #soon: (() => void)[] = []

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return 1_800_000_000_000 + this.#now
  }

  after(delayMs: number, callback: () => void): { cancel: () => void } {
    this.#order += 1
    const key = this.#order
    this.#timers.set(key, { atMs: this.#now + delayMs, callback })
    return { cancel: () => this.#timers.delete(key) }
  }

  soon(callback: () => void): void {
    this.#soon.push(callback)
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Runs one later turn; answers whether there was something to run. */
  turn(): boolean {
    const callbacks = this.#soon.splice(0)
    for (const callback of callbacks) callback()
    return callbacks.length > 0
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      while (this.turn()) await settle()
      const due = [...this.#timers].filter(([, timer]) => timer.atMs <= end).sort(([, a], [, b]) => a.atMs - b.atMs)[0]
      if (!due) break
      this.#timers.delete(due[0])
      this.#now = Math.max(this.#now, due[1].atMs)
      due[1].callback()
      await settle()
    }
    this.#now = end
  }

  /** Time passes while the process stands still: no timer runs on time. */
  standStill(ms: number): void {
    this.#now += ms
  }
}

/** Lets promises that can settle do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i += 1) await Promise.resolve()
}

type Responder = (head: never) => unknown

export class FakeConnection implements Connection {
  readonly peer: Hello
  principal: Principal | undefined
  readonly remote = 'fake:1'
  closed = false
  readonly requests: { name: string; head: unknown }[] = []
  readonly #responders = new Map<string, Responder>()
  readonly #listeners = new Set<(reason: GliderError) => void>()

  constructor(clientId: string) {
    this.peer = { version: { major: 1, minor: 0 }, role: 'client', clientId, limits: { headBytes: 65536, bodyBytes: 1 << 20 } }
  }

  respond<Head, A>(operation: Operation<Head, A>, responder: (head: Head) => A | Promise<A>): void {
    this.#responders.set(operation.name, responder)
  }

  /** The same for operations whose answer has a body. */
  respondBytes<Head, A>(operation: Operation<Head, A>, responder: (head: Head) => { head: A; body: Buffer }): void {
    this.#responders.set(operation.name, head => new WithBody(responder(head)))
  }

  get listeners(): number {
    return this.#listeners.size
  }

  sent<Head>(operation: Operation<Head, unknown>): Head[] {
    return this.requests.filter(({ name }) => name === operation.name).map(({ head }) => head as Head)
  }

  request<Head, A>(operation: Operation<Head, A>, head: NoInfer<Head>): Promise<Answer<A>> {
    const parsed = operation.parseHead(structuredClone(head))
    this.requests.push({ name: operation.name, head: parsed })
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(gone())
      this.onClose(reject)
      const responder = this.#responders.get(operation.name) ?? (() => ({}))
      Promise.resolve()
        .then(() => responder(parsed as never))
        .then(answer => {
          const { head, body } = answer instanceof WithBody ? answer.reply : { head: answer, body: Buffer.alloc(0) }
          resolve({ head: operation.parseAnswer(head), body })
        })
        .catch(reject)
    })
  }

  open<Head, A>(_operation: Operation<Head, A>, _head: NoInfer<Head>): ByteStream<A> {
    throw new Error('not faked')
  }

  onClose(listener: (reason: GliderError) => void): () => void {
    if (this.closed) listener(gone())
    else this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(reason = gone()): void {
    if (this.closed) return
    this.closed = true
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of listeners) listener(reason)
  }
}

function gone(): GliderError {
  return new GliderError('UNAVAILABLE', 'the connection has gone')
}

class WithBody {
  readonly reply: { readonly head: unknown; readonly body: Buffer }

  constructor(reply: { readonly head: unknown; readonly body: Buffer }) {
    this.reply = reply
  }
}

export class FakeUpload implements ByteStream {
  readonly connection: Connection
  readonly signal: AbortSignal = new AbortController().signal
  readonly written: Buffer[] = []
  readonly #chunks: Buffer[]

  constructor(connection: Connection, chunks: Buffer[]) {
    this.connection = connection
    this.#chunks = [...chunks]
  }

  async read(): Promise<Buffer | undefined> {
    return this.#chunks.shift()
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.written.push(Buffer.from(bytes))
  }

  async end(): Promise<unknown> {
    return {}
  }

  reset(): void {}
}

type StreamHandler = (head: unknown, stream: ByteStream, call: Call) => Promise<unknown>
type AnswerHandler = (head: unknown, body: Buffer, call: Call) => Reply<unknown> | Promise<Reply<unknown>>

export class FakeCluster {
  /** Ids repeat in no life of any server. */
  static #given = 0
  readonly clock = new FakeClock()
  readonly logged: string[] = []
  readonly server: MetadataServer
  readonly client = new FakeConnection('client')
  readonly #answers = new Map<string, AnswerHandler>()
  readonly #streams = new Map<string, StreamHandler>()
  #ids = 0

  constructor(config: Partial<MetadataConfig> = {}, saved?: SavedState, secret?: string) {
    const write = (_details: object, message: string): void => {
      this.logged.push(message)
    }
    const log: Log = { debug: write, info: write, warn: write, error: write }
    const randomness: Randomness = { bytes: count => Buffer.alloc(count), id: () => `id-${(FakeCluster.#given += 1)}` }
    this.server = new MetadataServer({ clock: this.clock, randomness, log, config, secret, ...(saved && { saved }) })
    const handlers: Handlers = {
      answer: (operation, handler) => {
        const plain = handler as (head: unknown, call: Call) => unknown
        this.#answers.set(operation.name, (head, _body, call) => {
          const answer = plain(head, call)
          return answer instanceof Promise ? answer.then(value => ({ head: value })) : { head: answer }
        })
      },
      answerBytes: (operation, handler) => void this.#answers.set(operation.name, handler as AnswerHandler),
      stream: (operation, handler) => void this.#streams.set(operation.name, handler as StreamHandler),
    }
    this.server.bind(handlers)
  }

  /** Asks as a client does: heads and answers are checked against the catalogue. */
  async ask<N extends OperationName>(
    name: N,
    head: HeadOf<(typeof catalogue)[N]> & Numbers,
    from = this.client,
  ): Promise<AnswerOf<(typeof catalogue)[N]>> {
    return this.askNow(name, head, from)
  }

  /** The same with a body each way. */
  async askBytes<N extends OperationName>(
    name: N,
    head: HeadOf<(typeof catalogue)[N]> & Numbers,
    body: Uint8Array = Buffer.alloc(0),
    from = this.client,
  ): Promise<{ head: AnswerOf<(typeof catalogue)[N]>; body: Buffer }> {
    const operation = catalogue[name] as Operation
    const reply = await this.#handler(name)(operation.parseHead(structuredClone(head)), Buffer.from(body), callOf(from))
    return { head: operation.parseAnswer(reply.head) as never, body: Buffer.from(reply.body ?? []) }
  }

  /** The same within this turn, for operations that answer at once. */
  askNow<N extends OperationName>(
    name: N,
    head: HeadOf<(typeof catalogue)[N]> & Numbers,
    from = this.client,
  ): AnswerOf<(typeof catalogue)[N]> {
    const operation = catalogue[name] as Operation
    const reply = this.#handler(name)(operation.parseHead(structuredClone(head)), Buffer.alloc(0), callOf(from))
    return (
      reply instanceof Promise ? reply.then(value => operation.parseAnswer(value.head)) : operation.parseAnswer(reply.head)
    ) as never
  }

  #handler(name: string): AnswerHandler {
    const handler = this.#answers.get(name)
    if (!handler) throw new Error(`${name} has no handler`)
    return handler
  }

  async stream<N extends OperationName>(
    name: N,
    head: HeadOf<(typeof catalogue)[N]> & Numbers,
    chunks: Buffer[] = [],
  ): Promise<{ answer: AnswerOf<(typeof catalogue)[N]>; written: Buffer }> {
    const handler = this.#streams.get(name)
    if (!handler) throw new Error(`${name} has no handler`)
    const stream = new FakeUpload(this.client, chunks)
    const answer = await handler((catalogue[name] as Operation).parseHead(head), stream, callOf(this.client))
    return { answer: answer as never, written: Buffer.concat(stream.written) }
  }

  joinStorage(blocks: number, options: Partial<HeadOf<typeof catalogue.register>> = {}): FakeServer {
    return this.#join({ role: 'storage', storageClass: 'dram', capacity: blocks * this.server.config.blockBytes, ...options })
  }

  joinActive(slots: number, options: Partial<HeadOf<typeof catalogue.register>> = {}): FakeServer {
    return this.#join({ role: 'active', storageClass: 'active', capacity: slots, builtin: [standard], ...options })
  }

  register(head: HeadOf<typeof catalogue.register>, connection: FakeConnection): AnswerOf<typeof catalogue.register> {
    return this.askNow('register', head, connection)
  }

  /** Time passes, and these servers give signs of life in it. */
  async live(ms: number, ...servers: FakeServer[]): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      for (const { head } of servers) await this.ask('heartbeat', { incarnation: head.incarnation })
      await this.clock.advance(Math.min(left, 1000))
    }
  }

  #join(options: Pick<HeadOf<typeof catalogue.register>, 'role' | 'storageClass' | 'capacity'>): FakeServer {
    this.#ids += 1
    const number = String(this.#ids).padStart(4, '0')
    const key = Buffer.alloc(32, this.#ids).toString('base64url')
    const head = { incarnation: `server--${number}`, address: `127.0.0.1:${number}`, proofKey: key, ...options }
    const connection = new FakeConnection(head.incarnation)
    const { id } = this.register(head, connection)
    return { id, head, connection }
  }
}

export interface FakeServer {
  readonly id: string
  readonly head: HeadOf<typeof catalogue.register>
  readonly connection: FakeConnection
}

interface Numbers {
  readonly sequence?: number
  readonly acknowledged?: number
}

export const standard = { name: 'std', version: 'v1', classes: [{ name: 'Merge', calls: [] }] }

function callOf(connection: Connection): Call {
  return { connection, signal: new AbortController().signal }
}

/** The code of the GliderError that a call ends in. */
export async function codeOf(run: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof run === 'function' ? run() : run)
  } catch (error) {
    if (error instanceof GliderError) return error.code
    throw error
  }
  return 'no error'
}

export async function messageOf(run: Promise<unknown>): Promise<string> {
  return run.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
}
