import type { ActionWriteStreamOptions, CallOptions } from '../actions/store.ts'
import { wholeHead } from '../protocol/action-heads.ts'
import { catalogue } from '../protocol/catalogue.ts'
import type { ConnectionCore } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import { MAX_CALL_BYTES, toJson } from '../protocol/json.ts'
import { originFields } from '../protocol/origin.ts'
import type { Pending } from '../protocol/requests.ts'
import type { MuxStream } from '../protocol/stream.ts'
import { isStale, type Link } from './action-links.ts'
import type { ActionTarget, ClientContext } from './context.ts'
import type { Followed } from './tracing.ts'
import { checkTimeout, pause, throwIfCancelled, unlessCancelled, unlessLate } from './waiting.ts'

/** While an object is on its way out its server knows of it before the metadata server: how often to ask again, and for how long. */
const STALE_PAUSE_MS = 50
const STALE_MS = 10_000

/**
 * Does something with the object of an action node: by the way that is known, and where that leads nowhere any more, or none is
 * known, by one that the metadata server tells.
 */
async function withLink<T>(
  context: ClientContext,
  target: ActionTarget,
  options: CallOptions,
  followed: Followed | undefined,
  use: (link: Link) => Promise<T>,
): Promise<T> {
  throwIfCancelled('the action', options.signal)
  checkTimeout(options.timeoutMs)
  context.counters.transfers++
  const known = context.links.known(target.node)
  if (known) {
    try {
      return await use(known)
    } catch (error) {
      if (!isStale(error)) throw error
    }
  }
  const { clock } = context.connections.context
  const find = (): Promise<Link> => findLink(context, target, options, followed)
  const begun = clock.now()
  for (let before: string | undefined; ; ) {
    const link = await context.links.ask(target.node, find)
    try {
      return await use(link)
    } catch (error) {
      if (!isStale(error)) throw error
      if (clock.now() - begun >= STALE_MS) throw goneMeanwhile(error)
    }
    // Another place means that the object was made anew meanwhile, and can be asked at once.
    if (link.location === before) await pause(clock, STALE_PAUSE_MS, 'the action', options.signal)
    before = link.location
  }
}

function goneMeanwhile(cause: unknown): GliderError {
  const message = 'the object of the action is no longer where the metadata server says it is: try again'
  return new GliderError('UNAVAILABLE', message, { cause })
}

async function findLink(
  context: ClientContext,
  { node }: ActionTarget,
  options: CallOptions,
  followed?: Followed,
): Promise<Link> {
  // Streams and calls wait for an object that is being created for as long as that takes, unless told otherwise.
  const patient = { timeoutMs: Number.POSITIVE_INFINITY, ...options }
  const asked = { node, ...originOf(context, followed) }
  const { location, address, path } = await context.metadata.request(catalogue.openObject, asked, patient)
  const { connections } = context
  const connecting = async (): Promise<ConnectionCore> => {
    const made = unlessCancelled(connections.get(address), path, options.signal)
    return unlessLate(made, connections.context.clock, options.timeoutMs, path)
  }
  const connection = connections.ready(address) ?? (await connecting())
  return { connection, location, locationBytes: Buffer.from(location, 'base64url') }
}

export function openActionWrite(
  context: ClientContext,
  target: ActionTarget,
  options: CallOptions & ActionWriteStreamOptions & { readonly acknowledge?: boolean },
  followed: Followed | undefined,
): Promise<MuxStream> {
  const { key, acknowledge, ...call } = options
  const origin = originOf(context, followed)
  const head = { ...origin, ...(key !== undefined && { key }), ...(acknowledge && { acknowledge }) }
  const opened = withLink(context, target, call, followed, ({ connection, location }) => {
    const stream = connection.open(catalogue.writeAction, { location, ...head, confirm: true }) as MuxStream
    return opening(context, stream, call)
  })
  return followed ? followed.begun(opened) : opened
}

export function openActionRead(
  context: ClientContext,
  target: ActionTarget,
  call: CallOptions,
  followed: Followed | undefined,
): Promise<MuxStream> {
  const origin = originOf(context, followed)
  const opened = withLink(context, target, call, followed, ({ connection, location }) => {
    const stream = connection.open(catalogue.readAction, { location, ...origin, confirm: true }) as MuxStream
    return opening(context, stream, call)
  })
  return followed ? followed.begun(opened) : opened
}

/** Nothing is sent before the server has said that the way leads somewhere: until then another can be taken. */
async function opening(context: ClientContext, stream: MuxStream, call: CallOptions): Promise<MuxStream> {
  const what = 'opening a stream of an action'
  try {
    const confirmed = unlessCancelled(stream.confirmed(), what, call.signal)
    await unlessLate(confirmed, context.connections.context.clock, call.timeoutMs, what)
    return stream
  } catch (error) {
    stream.reset(GliderError.from(error))
    throw error
  }
}

/** A whole stream in one request. The bytes have to stay as they are until it settles; the second answer gives it up. */
export function writeActionWhole(
  context: ClientContext,
  target: ActionTarget,
  bytes: Uint8Array,
  { key }: ActionWriteStreamOptions,
  followed: Followed | undefined,
): { readonly done: Promise<void>; cancel(): void } {
  const { chain, operation } = originOf(context, followed)
  const head = { key, chain, operation }
  let cancelled = false
  let cancelNow = (): void => {}
  const done = withLink(context, target, {}, followed, ({ connection, locationBytes }) => {
    if (cancelled) return Promise.reject(new GliderError('CANCELLED', 'the stream was destroyed'))
    return new Promise<void>((resolve, reject) => {
      const pending = new Whole(resolve, reject)
      const id = connection.requestRaw(catalogue.writeActionWhole, wholeHead(locationBytes, head), bytes, pending)
      cancelNow = () => connection.cancel(id, undefined)
    })
  })
  return {
    done,
    cancel() {
      cancelled = true
      cancelNow()
    },
  }
}

class Whole implements Pending {
  readonly #resolve: () => void
  readonly failed: (error: GliderError) => void

  constructor(resolve: () => void, reject: (error: GliderError) => void) {
    this.#resolve = resolve
    this.failed = reject
  }

  place(): undefined {
    return undefined
  }

  answered(): void {
    this.#resolve()
  }
}

export function openActionLogs(
  context: ClientContext,
  target: ActionTarget,
  follow: boolean,
  signal: AbortSignal | undefined,
): Promise<MuxStream> {
  // Always by a way that is asked for: what a lost object has said goes with it.
  return findLink(context, target, pick(signal)).then(
    ({ connection, location }) => connection.open(catalogue.readLogs, { location, follow }) as MuxStream,
  )
}

export async function callAction(
  context: ClientContext,
  target: ActionTarget,
  name: string,
  value: unknown,
  options: CallOptions,
): Promise<unknown> {
  const body = encodeValue(name, value)
  const { clock } = context.connections.context
  const begun = clock.now()
  const { signal, timeoutMs } = options
  const followed = context.tracing?.begin('callAction', target.path)
  const origin = originOf(context, followed)
  const calling = withLink(context, target, options, followed, ({ connection, location }) => {
    const left = timeoutMs !== undefined && { timeoutMs: Math.max(0, timeoutMs - (clock.now() - begun)) }
    return connection.request(catalogue.callAction, { location, name, ...origin }, { body, ...left, ...(signal && { signal }) })
  })
  const answer = await (followed ? followed.during(calling) : calling)
  context.counters.bytesSent += body.length
  context.counters.bytesReceived += answer.body.length
  return JSON.parse(answer.body.toString())
}

/** @throws GliderError INVALID_ARGUMENT where JSON cannot carry the value */
function encodeValue(name: string, value: unknown): Buffer {
  try {
    return Buffer.from(toJson(value, MAX_CALL_BYTES))
  } catch (cause) {
    throw new GliderError('INVALID_ARGUMENT', `the value for ${name} cannot be sent: ${(cause as Error).message}`, { cause })
  }
}

/** What goes into the head of an operation on actions, followed or not. */
export function originOf(context: ClientContext, followed?: Followed): { chain?: string[]; operation?: string } {
  const origin = context.origin()
  return originFields(followed ? { chain: origin.chain, operation: followed.id } : origin)
}

function pick(signal: AbortSignal | undefined): CallOptions {
  return signal ? { signal } : {}
}
