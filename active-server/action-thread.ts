import { inspect } from 'node:util'
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { WholeOptions } from '../protocol/action-heads.ts'
import { ChurnMap } from '../protocol/churn-map.ts'
import type { Clock } from '../protocol/clock.ts'
import { GliderError, reasonOf } from '../protocol/errors.ts'
import { hasOrigin, NO_ORIGIN, type Origin } from '../protocol/origin.ts'
import type { MuxStream } from '../protocol/stream.ts'
import { WindowBudget } from '../protocol/window.ts'
import type { Log } from '../server/log.ts'
import {
  type Batch,
  type FromThread,
  forEachStep,
  type HostReady,
  type HostTask,
  Outbox,
  type StepHandlers,
  type ToThread,
} from './messages.ts'
import { SharedArena, SLAB_BYTES } from './shared-arena.ts'
import { StreamFromThread, StreamToThread, sendCopy } from './thread-streams.ts'
import type { TurnCounts, TurnKind } from './turn-counts.ts'
import { TurnWatch } from './turn-watch.ts'

/** Shared memory for what comes in to the actions of a thread: 16 MiB. */
const INCOMING_SLABS = 32

/** Told once how a stream has ended. */
type StreamDone = (error?: GliderError) => void

interface Waiting<T> {
  resolve(value: T): void
  reject(error: GliderError): void
}

export interface ActionThreadOptions {
  readonly number: number
  readonly metadata: string
  readonly token: string
  readonly tlsCa: string | undefined
  readonly clock: Clock
  /** V8's own limit for its heap: a backstop only, for it ends the whole process where one collection alone exceeds it. */
  readonly heapLimitBytes: number
  /** How long a turn may last now. */
  readonly turnTimeoutMs: (thread: ActionThread) => number
  readonly log: Log
  /** An object, or what belongs to none, has said something. */
  readonly said: (thread: number, told: FromObject) => void
  readonly turns: TurnCounts
  /** A message came that makes no sense. */
  readonly unknown: () => void
  readonly measured: (thread: ActionThread, bytes: number, collected: boolean) => void
  /** What is in the thread is lost. */
  readonly lost: (cause: string) => void
  /** The thread itself has ended. */
  readonly gone: (thread: ActionThread) => void
  /** It was to end, and has not. */
  readonly stuck: (cause: string) => void
}

/** What a thread says of an object of its. */
export type FromObject = Extract<FromThread, { type: 'log' | 'uncaught' | 'dropped' }>

/** How long a thread may take to end once it was told to. */
const END_MS = 5_000
/** Of the reason that it ends for: what lost objects tell whoever asks for them. */
const MAX_CAUSE_CHARS = 1_000

/** What an object is made of; see the operation `startObject`. */
export type ObjectSpec = Omit<ToThread & { type: 'create' }, 'type' | 'request'>

/**
 * One action thread, seen from the network thread. Always holds: every request gets one answer and every stream one end; when
 * the thread goes, what waits on it fails with ACTION_LOST.
 */
export class ActionThread implements StepHandlers {
  readonly number: number
  readonly #options: ActionThreadOptions
  readonly #pool: Piscina<HostTask, never>
  readonly #port: MessagePort
  readonly #outbox: Outbox
  readonly #incoming = new SharedArena(INCOMING_SLABS)
  /** Streams that wait for their turn, or for each other, grow only as far as their bytes land in the arena. */
  readonly #incomingRoom = new WindowBudget(INCOMING_SLABS * SLAB_BYTES)
  #outgoing: SharedArrayBuffer | undefined
  readonly #requests = new Map<number, Waiting<string | undefined>>()
  readonly #runs = new ChurnMap<StreamDone>()
  readonly #inputs = new Map<number, StreamToThread>()
  readonly #outputs = new Map<number, StreamFromThread>()
  #next = 1
  readonly #watch: TurnWatch
  #lost: GliderError | undefined
  #stopping = false
  #gone = false
  readonly #worker: Worker
  #busyMs = 0

  private constructor(options: ActionThreadOptions, ready: Waiting<void>) {
    this.number = options.number
    this.#options = options
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    // A socket is read many times in a turn, and waking a thread costs more than a small read.
    this.#outbox = new Outbox(port1, callback => options.clock.soon(callback))
    this.#pool = new Piscina({
      filename: new URL('./thread/host.js', import.meta.url).href,
      name: 'host',
      minThreads: 1,
      maxThreads: 1,
      // An idle thread must still hear its streams, which it does not while it waits on an atomic.
      atomics: 'disabled',
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(options.heapLimitBytes / 2 ** 20) },
    })
    this.#worker = this.#pool.threads[0]!
    this.#worker.once('exit', () => {
      this.#gone = true
      options.gone(this)
    })
    // What user code sends around us, or breaks in the pool's own conversation with its thread.
    this.#pool.on('message', (message: unknown) => this.#unknown(message))
    this.#pool.on('error', (error: Error) => options.log.warn({ thread: this.number }, error.message))
    port1.once('message', ({ outgoing }: HostReady) => {
      this.#outgoing = outgoing
      this.#watch.answered()
      port1.on('message', (batch: Batch) => forEachStep(batch, this))
      ready.resolve()
    })
    const task: HostTask = {
      port: port2,
      incoming: this.#incoming.memory,
      metadata: options.metadata,
      token: options.token,
      tlsCa: options.tlsCa,
    }
    // Until it is there it is in no turn, however long that takes on a machine with much to do.
    const mostMs = (): number => (this.#outgoing ? options.turnTimeoutMs(this) : Number.POSITIVE_INFINITY)
    this.#watch = new TurnWatch(options.clock, mostMs, {
      ping: () => this.#outbox.message({ type: 'ping' }),
      hung: () => this.terminate(`a turn took longer than ${options.turnTimeoutMs(this)} ms`),
    })
    this.#pool.run(task, { transferList: [port2] }).then(
      () => this.#ended('its task has returned'),
      (thrown: unknown) => {
        ready.reject(GliderError.from(thrown))
        this.#ended(causeOf(thrown))
      },
    )
  }

  static start(options: ActionThreadOptions): Promise<ActionThread> {
    return new Promise((resolve, reject) => {
      const thread: ActionThread = new ActionThread(options, { resolve: () => resolve(thread), reject })
    })
  }

  async createObject(spec: ObjectSpec): Promise<void> {
    await this.#request('create', request => ({ type: 'create', request, ...spec }))
  }

  async deleteObject(slot: number, mode: 'wait' | 'abort', origin = NO_ORIGIN): Promise<void> {
    await this.#request('delete', request => ({ type: 'delete', request, slot, mode, origin }))
  }

  /** Ends an object that nobody reaches any more. */
  async dropObject(slot: number, why: GliderError): Promise<void> {
    const ending = { mode: 'abort', origin: NO_ORIGIN, why: why.toWire() } as const
    await this.#request('delete', request => ({ type: 'delete', request, slot, ...ending }))
  }

  /** Answers the text of the JSON. */
  async call(slot: number, name: string, value: string, origin: Origin, signal: AbortSignal): Promise<string> {
    const answer = await this.#request('call', request => ({ type: 'call', request, slot, name, value, origin }), signal)
    return answer ?? 'null'
  }

  #request(kind: TurnKind, make: (request: number) => ToThread, signal?: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#lost) {
        reject(this.#lost)
        return
      }
      const request = this.#next++
      const onAbort = (): void => {
        const error = GliderError.from(signal?.reason, 'CANCELLED').toWire()
        this.#outbox.message({ type: 'abortCall', request, error })
      }
      this.#requests.set(request, {
        resolve: value => {
          this.#options.turns.ended(kind, undefined)
          signal?.removeEventListener('abort', onAbort)
          resolve(value)
        },
        reject: error => {
          this.#options.turns.ended(kind, error)
          signal?.removeEventListener('abort', onAbort)
          reject(error)
        },
      })
      this.#outbox.message(make(request))
      if (signal?.aborted) onAbort()
      else signal?.addEventListener('abort', onAbort)
    })
  }

  /** One run of onWrite over the bytes of `stream`; resolves when it has returned and the rest was discarded. */
  async write(stream: MuxStream, slot: number, options: WholeOptions): Promise<void> {
    const number = this.#next++
    const input = new StreamToThread(stream, number, this.#outbox, this.#incoming)
    this.#inputs.set(number, input)
    const done = this.#run(number)
    this.#open('write', number, slot, options)
    stream.receive(input, this.#incomingRoom)
    await done
  }

  /** One run of onRead, whose bytes go to `stream`. */
  async read(stream: MuxStream, slot: number, origin: Origin): Promise<void> {
    const number = this.#next++
    const done = this.#run(number)
    this.#open('read', number, slot, origin)
    this.#outputs.set(number, new StreamFromThread(stream, number, this.#outbox, this.#outgoing!))
    await done
  }

  /** One run of onWrite over bytes that are all there, and are copied. Answers the stream's number where it runs. */
  writeWhole(slot: number, bytes: Buffer, options: WholeOptions, done: StreamDone): number | undefined {
    if (this.#lost) {
      done(this.#lost)
      return undefined
    }
    const number = this.#next++
    this.#runs.set(number, done)
    this.#open('write', number, slot, options)
    sendCopy(bytes, number, this.#outbox, this.#incoming)
    this.#outbox.end(number)
    return number
  }

  /** How long the thread has been busy since it was started, in milliseconds. */
  get busyMs(): number {
    if (!this.#gone) this.#busyMs = Math.max(this.#busyMs, this.#worker.performance.eventLoopUtilization().active)
    return this.#busyMs
  }

  /** Whoever has opened it has gone. */
  abortStream(stream: number, reason: GliderError): void {
    this.#outbox.message({ type: 'abortStream', stream, error: reason.toWire() })
  }

  #open(direction: 'read' | 'write', stream: number, slot: number, options: WholeOptions): void {
    const { key, chain, operation } = options
    if (key === undefined && !hasOrigin(options)) this.#outbox.open(direction, stream, slot)
    else
      this.#outbox.message({
        type: 'open',
        direction,
        stream,
        slot,
        origin: { chain, operation },
        ...(key !== undefined && { key }),
      })
  }

  #run(stream: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#lost) reject(this.#lost)
      else this.#runs.set(stream, error => (error ? reject(error) : resolve()))
    })
  }

  open(): void {}

  keeps(stream: number): void {
    this.#inputs.get(stream)?.keep()
  }

  done(stream: number, error?: GliderError): void {
    this.#inputs.delete(stream)
    this.#options.turns.ended(this.#outputs.delete(stream) ? 'read' : 'write', error)
    this.#runs.take(stream)?.(error)
  }

  bytes(stream: number, slab: number, offset: number, length: number): void {
    this.#outputs.get(stream)?.send(slab, offset, length)
  }

  owned(stream: number, buffer: ArrayBuffer): void {
    this.#outputs.get(stream)?.sendOwned(buffer)
  }

  lent(stream: number, memory: SharedArrayBuffer, offset: number, length: number): void {
    this.#outputs.get(stream)?.sendLent(memory, offset, length)
  }

  end(): void {}

  free(stream: number, slab: number, length: number): void {
    const input = this.#inputs.get(stream)
    if (input) input.freed(slab, length)
    else if (slab >= 0) this.#incoming.release(slab)
  }

  message(message: unknown): void {
    const told = message as FromThread
    switch (told?.type) {
      case 'answered': {
        const waiting = this.#requests.get(told.request)
        this.#requests.delete(told.request)
        if (told.error) waiting?.reject(GliderError.fromWire(told.error))
        else waiting?.resolve(told.value)
        return
      }
      case 'streamFailed':
        this.done(told.stream, GliderError.fromWire(told.error))
        return
      case 'pong':
        this.#watch.answered()
        return
      case 'measured':
        this.#options.measured(this, told.bytes, told.collected)
        return
      case 'uncaught':
      case 'log':
      case 'dropped':
        this.#options.said(this.number, told)
        return
      default:
        this.#unknown(told satisfies never)
    }
  }

  #unknown(message: unknown): void {
    const told = inspect(message, { depth: 1, maxStringLength: 200, maxArrayLength: 10 }).slice(0, 1_000)
    this.#options.unknown()
    this.#options.log.warn({ thread: this.number, told }, 'a message that is not known here was ignored')
  }

  /** Asks for the bytes that the thread holds: the answer is told to `measured`. */
  measure(collect: boolean): void {
    this.#outbox.message({ type: 'measure', collect })
  }

  /** Ends the thread, whatever it does. */
  terminate(cause: string): void {
    if (!this.#lost) this.#ended(cause)
  }

  #ended(cause: string): void {
    if (this.#lost) return
    const lost = new GliderError('ACTION_LOST', `the thread of the action has ended: ${cause}. Create the object again`)
    this.#lost = lost
    this.#watch.stop()
    this.#port.close()
    for (const waiting of this.#requests.values()) waiting.reject(lost)
    for (const done of [...this.#runs.values()]) done(lost)
    this.#requests.clear()
    this.#runs.clear()
    if (!this.#stopping) this.#options.lost(cause)
    this.#pool.destroy().catch((error: Error) => this.#options.log.error({ thread: this.number }, error.message))
    if (this.#gone || this.#stopping) return
    const stuck = this.#options.clock.after(END_MS, () => this.#options.stuck(cause))
    this.#worker.once('exit', () => stuck.cancel())
  }

  /** Ends the thread and whatever runs in it; answers whether it has gone, and is not stuck. */
  async stop(): Promise<boolean> {
    this.#stopping = true
    this.#ended('the server is stopping')
    if (this.#gone) return true
    return new Promise(resolve => {
      const timer = this.#options.clock.after(END_MS, () => resolve(false))
      this.#worker.once('exit', () => {
        timer.cancel()
        resolve(true)
      })
    })
  }
}

/** Why the pool says that the thread has ended by itself: with what user code threw, whatever that is. */
function causeOf(thrown: unknown): string {
  const reason = reasonOf(thrown).slice(0, MAX_CAUSE_CHARS) || 'its code threw an error without a message'
  const code = /^worker exited with code: (\d+)$/.exec(reason)?.[1]
  return code === undefined ? reason : `its code called process.exit(${code})`
}
