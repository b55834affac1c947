import { currentOrigin, currentOwner, runInTurn } from '../../actions/current-turn.ts'
import { Departure } from '../../actions/departure.ts'
import { actionClassesOf } from '../../actions/inspect.ts'
import { ActionObject } from '../../actions/object.ts'
import type { StoreClient } from '../../actions/store.ts'
import { openStore } from '../../client/store-client.ts'
import type { WholeOptions } from '../../protocol/action-heads.ts'
import { ChurnMap } from '../../protocol/churn-map.ts'
import type { Clock } from '../../protocol/clock.ts'
import { GliderError } from '../../protocol/errors.ts'
import { NO_ORIGIN } from '../../protocol/origin.ts'
import { type Batch, forEachStep, type HostTask, Outbox, type StepHandlers, type ToThread } from '../messages.ts'
import { OWN_BUFFER, regionBytes, type SharedArena } from '../shared-arena.ts'
import type { MemoryUse } from './memory-use.ts'
import { ObjectLog } from './object-log.ts'
import { OutgoingMemory, ThreadSink } from './sink.ts'
import { ThreadSource } from './source.ts'

/**
 * Buffers that come from another thread do not make V8 collect its young objects, so those that hooks have dropped would pile up
 * until a full collection. Collected after so many bytes, their memory is used again while it is warm.
 */
const OWN_BYTES_PER_COLLECTION = 16 << 20

interface Hosted {
  readonly object: ActionObject
  readonly store: StoreClient
}

interface StreamRun {
  readonly departure: Departure
  readonly source: ThreadSource | undefined
  readonly sink: ThreadSink | undefined
}

/** Runs the action objects of one thread: what the network thread asks for, it does with {@link ActionObject}. */
export class ThreadHost implements StepHandlers {
  readonly #task: HostTask
  readonly #clock: Clock
  readonly #outbox: Outbox
  readonly #memory: OutgoingMemory
  readonly #objects = new Map<number, Hosted>()
  readonly #streams = new ChurnMap<StreamRun>()
  readonly #calls = new Map<number, Departure>()
  readonly #ownLog: ObjectLog
  readonly #memoryUse: MemoryUse
  #ownBytes = 0

  constructor(task: HostTask, arena: SharedArena, clock: Clock, memoryUse: MemoryUse) {
    this.#task = task
    this.#clock = clock
    this.#outbox = new Outbox(task.port)
    this.#memory = new OutgoingMemory(arena)
    this.#memoryUse = memoryUse
    this.#ownLog = this.#logOf('', '')
    task.port.on('message', (batch: Batch) => forEachStep(batch, this))
  }

  /** The log of the object whose code runs, as far as that is known. */
  get log(): ObjectLog {
    const owner = currentOwner()
    return owner instanceof ObjectLog ? owner : this.#ownLog
  }

  bytes(stream: number, slab: number, offset: number, length: number): void {
    const source = this.#streams.get(stream)?.source
    if (source) source.arrived(regionBytes(this.#task.incoming, slab, offset, length), slab)
    else this.#outbox.free(stream, slab, length)
  }

  owned(stream: number, buffer: ArrayBuffer): void {
    this.#ownBytes += buffer.byteLength
    if (this.#ownBytes > OWN_BYTES_PER_COLLECTION) {
      this.#ownBytes = 0
      this.#memoryUse.collectYoung()
    }
    this.#streams.get(stream)?.source?.arrived(Buffer.from(buffer), -1)
  }

  end(stream: number): void {
    this.#streams.get(stream)?.source?.ended()
  }

  free(stream: number, slab: number, length: number): void {
    this.#streams.get(stream)?.sink?.left(length)
    if (slab >= 0) this.#memory.release(slab)
    else if (slab === OWN_BUFFER) this.#memory.ownLeft(length)
  }

  open(direction: 'read' | 'write', stream: number, slot: number): void {
    this.#run(direction, stream, slot, NO_ORIGIN)
  }

  done(): void {}

  keeps(): void {}

  lent(): void {}

  message(message: unknown): void {
    const asked = message as ToThread
    switch (asked.type) {
      case 'create':
        this.#answer(asked.request, this.#create(asked))
        return
      case 'delete':
        this.#answer(asked.request, this.#delete(asked))
        return
      case 'open':
        this.#run(asked.direction, asked.stream, asked.slot, { ...asked.origin, key: asked.key })
        return
      case 'abortStream':
        this.#abortStream(asked.stream, GliderError.fromWire(asked.error))
        return
      case 'call':
        this.#call(asked)
        return
      case 'ping':
        this.#outbox.message({ type: 'pong' })
        return
      case 'measure':
        if (asked.collect) this.#memoryUse.collect()
        this.#outbox.message({ type: 'measured', bytes: this.#memoryUse.bytes(), collected: asked.collect })
        return
      case 'abortCall':
        this.#calls.get(asked.request)?.tell(GliderError.fromWire(asked.error))
        return
      default:
        this.#ownLog.write('warn', `a message that is not known here was ignored: ${JSON.stringify(asked satisfies never)}`)
    }
  }

  #answer(request: number, work: Promise<string | undefined>): void {
    work.then(
      value => this.#outbox.message({ type: 'answered', request, ...(value !== undefined && { value }) }),
      error => this.#outbox.message({ type: 'answered', request, error: GliderError.from(error).toWire() }),
    )
  }

  async #create(asked: ToThread & { type: 'create' }): Promise<undefined> {
    const { slot, id, path, params, interleaved, origin } = asked
    const log = this.#logOf(id, path)
    const module = (await runInTurn({ operation: origin.operation }, log, () => import(asked.module))) as object
    const entry = actionClassesOf(module).find(({ name }) => name === asked.class)
    if (!entry) throw new GliderError('NOT_FOUND', `${asked.class} is no action of its bundle: deploy it again`)
    const { metadata, token, tlsCa } = this.#task
    const store = openStore(metadata, { token, ...(tlsCa !== undefined && { tlsCa }), origin: currentOrigin, spin: false })
    const object = new ActionObject(entry.Class, {
      id,
      path,
      params,
      store,
      log: log.face,
      owner: log,
      interleaved,
      clock: this.#clock,
    })
    this.#objects.set(slot, { object, store })
    try {
      await object.create(origin)
    } catch (error) {
      this.#objects.delete(slot)
      await store.close()
      throw error
    }
  }

  #logOf(id: string, path: string): ObjectLog {
    return new ObjectLog({ id, path }, this.#clock, message => this.#outbox.message(message))
  }

  async #delete({ slot, mode, origin, why }: ToThread & { type: 'delete' }): Promise<undefined> {
    const hosted = this.#objects.get(slot)
    if (!hosted) throw noObject()
    try {
      await hosted.object.delete(mode, { ...origin, ...(why && { why: GliderError.fromWire(why) }) })
    } finally {
      // The slot of an object that was dropped may be another's by then.
      if (this.#objects.get(slot) === hosted) this.#objects.delete(slot)
      await hosted.store.close()
    }
  }

  #run(direction: 'read' | 'write', stream: number, slot: number, { key, chain, operation }: WholeOptions): void {
    const departure = new Departure()
    const options = { key, chain, operation, departure }
    const source = direction === 'write' ? new ThreadSource(stream, this.#outbox) : undefined
    const sink = direction === 'read' ? new ThreadSink(stream, this.#outbox, this.#memory) : undefined
    this.#streams.set(stream, { departure, source, sink })
    const over = (): void => {
      source?.close()
      this.#streams.delete(stream)
    }
    const hosted = this.#objects.get(slot)
    const running = hosted
      ? source
        ? hosted.object.runWrite(source, options)
        : hosted.object.runRead(sink!, options)
      : Promise.reject(noObject())
    running.then(
      () => {
        over()
        this.#outbox.done(stream)
      },
      error => {
        over()
        this.#outbox.message({ type: 'streamFailed', stream, error: GliderError.from(error).toWire() })
      },
    )
  }

  #abortStream(stream: number, error: GliderError): void {
    const run = this.#streams.get(stream)
    run?.source?.failed(error)
    run?.sink?.failed(error)
    run?.departure.tell(error)
  }

  #call({ request, slot, name, value, origin }: ToThread & { type: 'call' }): void {
    const departure = new Departure()
    this.#calls.set(request, departure)
    const run = async (): Promise<string> => {
      const hosted = this.#objects.get(slot)
      if (!hosted) throw noObject()
      return hosted.object.callJson(name, JSON.parse(value), { ...origin, departure })
    }
    this.#answer(
      request,
      run().finally(() => this.#calls.delete(request)),
    )
  }
}

function noObject(): GliderError {
  return new GliderError('NO_ACTION_OBJECT', 'the object of the action has been deleted: create one')
}
