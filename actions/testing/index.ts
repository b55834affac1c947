/** `glider/action/testing`: drives an action without a cluster, with the very code that an active server runs. */
import { systemClock } from '../../protocol/clock.system.ts'
import type { Clock } from '../../protocol/clock.ts'
import { GliderError } from '../../protocol/errors.ts'
import { MAX_CALL_BYTES, toJson } from '../../protocol/json.ts'
import type { ActionClass } from '../action.ts'
import { configOf } from '../config.ts'
import { Departure } from '../departure.ts'
import { ActionObject } from '../object.ts'
import type { StoreClient } from '../store.ts'
import { type LoggedMessage, recordingLog } from './log.ts'
import { PulledSink } from './sink.ts'
import { type Written, WrittenSource } from './written.ts'

export type { LoggedMessage } from './log.ts'
export type { Written } from './written.ts'

export interface RunActionOptions {
  /** JSON; `this.params` of the action. @default null */
  readonly params?: unknown
  /** @default what the class says, or else false */
  readonly interleaved?: boolean
  /** `this.store` of the action. @default one that refuses everything */
  readonly store?: StoreClient
  /** @default '/action' */
  readonly path?: string
  /** What measures the time that an aborted hook has. @default the system's */
  readonly clock?: Clock
}

export interface StreamRunOptions {
  /** Aborting it is the other side going away. */
  readonly signal?: AbortSignal
}

/** An action object in a test. Disposing of it deletes it with mode `abort`. */
export interface ActionDriver extends AsyncDisposable {
  /** One write stream; resolves when `onWrite` has returned. Several chunks are given as an array or as an async iterable. */
  write(written: Written, options?: StreamRunOptions & { readonly key?: string }): Promise<void>
  /** One read stream, to its end. */
  read(options?: StreamRunOptions): Promise<Buffer>
  readText(options?: StreamRunOptions): Promise<string>
  /** One read stream, chunk by chunk; leaving the loop is the reader going away. */
  chunks(options?: StreamRunOptions): AsyncGenerator<Buffer, void, undefined>
  call(name: string, value?: unknown, options?: StreamRunOptions): Promise<unknown>
  delete(mode?: 'wait' | 'abort'): Promise<void>
  /** What the action has logged so far. */
  readonly logged: readonly LoggedMessage[]
}

/**
 * Makes an action object; resolves after its `onCreate`.
 *
 * @example
 * await using action = await runAction(Merge)
 * await action.write('a,1\na,2\n')
 * expect(await action.readText()).toBe('a,3\n')
 */
export async function runAction(Class: ActionClass, options: RunActionOptions = {}): Promise<ActionDriver> {
  const { log, logged } = recordingLog()
  const object = new ActionObject(Class, {
    id: 'runAction',
    path: options.path ?? '/action',
    params: JSON.parse(argumentJson(options.params, 'params')),
    store: options.store ?? noStore(),
    log,
    clock: options.clock ?? systemClock,
    interleaved: options.interleaved ?? configOf(Class).interleaved ?? false,
  })
  await object.create()

  const driver: ActionDriver = {
    logged,
    async write(written, { key, signal } = {}) {
      const source = new WrittenSource(written)
      try {
        await object.runWrite(source, { key, departure: departureOf(signal) })
      } finally {
        source.close()
      }
    },
    async read(streamOptions) {
      const chunks: Buffer[] = []
      for await (const chunk of driver.chunks(streamOptions)) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
    async readText(streamOptions) {
      return (await driver.read(streamOptions)).toString('utf8')
    },
    async *chunks({ signal } = {}) {
      const departure = departureOf(signal)
      const sink = new PulledSink()
      const run = object.runRead(sink, { departure })
      const end = run.then(
        () => sink.end(),
        error => sink.fail(error),
      )
      try {
        for (let chunk = await sink.take(); chunk; chunk = await sink.take()) yield chunk
      } finally {
        departure.tell(new GliderError('CANCELLED', 'the reader has gone'))
        await end
      }
    },
    async call(name, value, { signal } = {}) {
      const json = value === undefined ? undefined : argumentJson(value, `the value of ${name}`)
      return object.call(name, json === undefined ? undefined : JSON.parse(json), { departure: departureOf(signal) })
    },
    delete: mode => object.delete(mode),
    [Symbol.asyncDispose]: () => object.delete('abort'),
  }
  return driver
}

/** Somebody who goes when the signal fires. */
function departureOf(signal: AbortSignal | undefined): Departure {
  const departure = new Departure()
  const go = (): void => departure.tell(GliderError.from(signal?.reason, 'CANCELLED'))
  if (signal?.aborted) go()
  else signal?.addEventListener('abort', go, { once: true })
  return departure
}

function argumentJson(value: unknown, what: string): string {
  try {
    return toJson(value, MAX_CALL_BYTES)
  } catch (error) {
    throw GliderError.from(error, 'INVALID_ARGUMENT', `${what} must be JSON`)
  }
}

function noStore(): StoreClient {
  return new Proxy({} as StoreClient, {
    get(_, name) {
      if (typeof name !== 'string' || name === 'then') return undefined
      throw new GliderError('INVALID_ARGUMENT', `this.store.${name}: give the test a store with runAction(Class, { store })`)
    },
  })
}
