import type { ActionWriteStreamOptions, CallOptions } from '../actions/store.ts'
import { catalogue } from '../protocol/catalogue.ts'
import type { ConnectionCore } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import type { MuxStream } from '../protocol/stream.ts'
import type { ClientContext, Target } from './context.ts'
import { unlessCancelled } from './waiting.ts'

/** Largest JSON value of a call, each way. */
const MAX_VALUE_BYTES = 1 << 20

interface Reached {
  readonly connection: ConnectionCore
  readonly location: string
}

/** Finds the object of an action node and a connection to its server. */
async function reach(context: ClientContext, target: Target, options: CallOptions): Promise<Reached> {
  const { location, address, path } = await context.metadata.request(catalogue.openObject, target, options)
  const connecting = context.connections.get(address)
  const connection = context.connections.ready(address) ?? (await unlessCancelled(connecting, path, options.signal))
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

export async function callAction(
  context: ClientContext,
  target: Target,
  name: string,
  value: unknown,
  options: CallOptions,
): Promise<unknown> {
  const body = encodeValue(name, value)
  const { connection, location } = await reach(context, target, options)
  const answer = await connection.request(catalogue.callAction, { location, name, ...chainOf(context) }, { body, ...options })
  context.counters.bytesSent += body.length
  context.counters.bytesReceived += answer.body.length
  return JSON.parse(answer.body.toString())
}

/** @throws GliderError INVALID_ARGUMENT where JSON cannot carry the value */
function encodeValue(name: string, value: unknown): Buffer {
  let text: string | undefined
  try {
    text = JSON.stringify(value ?? null)
  } catch (cause) {
    throw new GliderError('INVALID_ARGUMENT', `the value for ${name} cannot be written as JSON: ${(cause as Error).message}`, {
      cause,
    })
  }
  if (text === undefined)
    throw new GliderError('INVALID_ARGUMENT', `the value for ${name} is a ${typeof value}, which JSON does not have`)
  const bytes = Buffer.from(text)
  if (bytes.length <= MAX_VALUE_BYTES) return bytes
  throw new GliderError(
    'INVALID_ARGUMENT',
    `the value for ${name} has ${bytes.length} bytes, more than ${MAX_VALUE_BYTES}: use a stream`,
  )
}

function chainOf(context: ClientContext): { chain?: string[] } {
  const chain = context.chain()
  return chain.length > 0 ? { chain: [...chain] } : {}
}

function pick(signal: AbortSignal | undefined): CallOptions {
  return signal ? { signal } : {}
}
