import type { ActionWriteStreamOptions, CallOptions } from '../actions/store.ts'
import { catalogue } from '../protocol/catalogue.ts'
import type { ConnectionCore } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import { MAX_CALL_BYTES, toJson } from '../protocol/json.ts'
import type { MuxStream } from '../protocol/stream.ts'
import type { ClientContext, Target } from './context.ts'
import { unlessCancelled, unlessLate } from './waiting.ts'

interface Reached {
  readonly connection: ConnectionCore
  readonly location: string
}

/** Finds the object of an action node and a connection to its server. */
async function reach(context: ClientContext, target: Target, options: CallOptions): Promise<Reached> {
  // Streams and calls wait for an object that is being created for as long as that takes, unless told otherwise.
  const patient = { timeoutMs: Number.POSITIVE_INFINITY, ...options }
  const { location, address, path } = await context.metadata.request(
    catalogue.openObject,
    { ...target, ...chainOf(context) },
    patient,
  )
  const { connections } = context
  const connecting = async (): Promise<ConnectionCore> => {
    const made = unlessCancelled(connections.get(address), path, options.signal)
    return unlessLate(made, connections.context.clock, options.timeoutMs, path)
  }
  const connection = connections.ready(address) ?? (await connecting())
  context.counters.transfers++
  return { connection, location }
}

export async function openActionWrite(
  context: ClientContext,
  target: Target,
  options: ActionWriteStreamOptions & { readonly acknowledge?: boolean },
): Promise<MuxStream> {
  const { connection, location } = await reach(context, target, pick(options.signal))
  const { key, acknowledge } = options
  const head = { location, ...chainOf(context), ...(key !== undefined && { key }), ...(acknowledge && { acknowledge }) }
  return connection.open(catalogue.writeAction, head) as MuxStream
}

export async function openActionRead(
  context: ClientContext,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<MuxStream> {
  const { connection, location } = await reach(context, target, pick(signal))
  return connection.open(catalogue.readAction, { location, ...chainOf(context) }) as MuxStream
}

export async function openActionLogs(
  context: ClientContext,
  target: Target,
  follow: boolean,
  signal: AbortSignal | undefined,
): Promise<MuxStream> {
  const { connection, location } = await reach(context, target, pick(signal))
  return connection.open(catalogue.readLogs, { location, follow }) as MuxStream
}

export async function callAction(
  context: ClientContext,
  target: Target,
  name: string,
  value: unknown,
  options: CallOptions,
): Promise<unknown> {
  const body = encodeValue(name, value)
  const { clock } = context.connections.context
  const begun = clock.now()
  const { connection, location } = await reach(context, target, options)
  const { signal, timeoutMs } = options
  const left = timeoutMs !== undefined && { timeoutMs: Math.max(0, timeoutMs - (clock.now() - begun)) }
  const head = { location, name, ...chainOf(context) }
  const answer = await connection.request(catalogue.callAction, head, { body, ...left, ...(signal && { signal }) })
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

export function chainOf(context: ClientContext): { chain?: string[] } {
  const chain = context.chain()
  return chain.length > 0 ? { chain: [...chain] } : {}
}

function pick(signal: AbortSignal | undefined): CallOptions {
  return signal ? { signal } : {}
}
