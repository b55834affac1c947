/** Whole values: small ones travel with the metadata operation, others through blocks. */
import { types } from 'node:util'
import type { CallOptions } from '../actions/store.ts'
import { type AnswerOf, catalogue, type HeadOf } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import type { ClientContext, Target } from './context.ts'
import { FileSink } from './file-sink.ts'
import { FileSource, LOCATE_BLOCKS } from './file-source.ts'

/** To ask for about as many blocks as a put needs; the answer tells their true size. */
const ASSUMED_BLOCK_BYTES = 1 << 20

/** What is replaced again and again, before it has been read or while it is being put, is not tried for ever. */
const GIVE_UP_MS = 30_000
/** What a commit is refused with where the tree has changed since the opening. */
const CHANGED: ReadonlySet<string> = new Set(['NOT_FOUND', 'TYPE_MISMATCH'])

export interface PutWishes {
  readonly near?: string
  readonly parents?: boolean
  readonly storageClass?: string | string[]
}

/**
 * What a program gives to be stored.
 * @throws GliderError INVALID_ARGUMENT for anything but bytes and strings, for a length in other units would be taken for bytes
 */
export function bytesOf(value: Uint8Array | string, path: string): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value)
  if (types.isUint8Array(value)) return value
  throw new GliderError('INVALID_ARGUMENT', `what is put at ${path} is neither a Uint8Array nor a string: make it one`)
}

/** Creates or replaces a file or keyvalue, at the one moment of its commit. The bytes belong to the call until it resolves. */
export function putValue(
  context: ClientContext,
  target: Target,
  bytes: Uint8Array,
  wishes: PutWishes | undefined,
  options: CallOptions | undefined,
): Promise<void> {
  const { metadata, inline, counters } = context
  counters.transfers++
  if (bytes.length > inline.bytes) return putBlocks(context, target, bytes, wishes, options)
  return metadata.ask(catalogue.put, wishes ? { ...target, ...wishes } : target, bytes, options, ({ stored, inlineBytes }) => {
    inline.bytes = inlineBytes
    if (!stored) return putBlocks(context, target, bytes, wishes, options)
    counters.bytesSent += bytes.length
    return undefined
  })
}

async function putBlocks(
  context: ClientContext,
  target: Target,
  bytes: Uint8Array,
  wishes: PutWishes | undefined,
  options: CallOptions = {},
): Promise<void> {
  const blocks = Math.ceil(bytes.length / ASSUMED_BLOCK_BYTES)
  const { clock } = context.connections.context
  const deadline = clock.now() + (options.timeoutMs ?? GIVE_UP_MS)
  for (;;) {
    const sink = await FileSink.open(context, { ...target, ...wishes, mode: 'put' }, options, blocks)
    try {
      await sink.write(0, bytes, options)
      await sink.close(bytes.length, options)
      return
    } catch (error) {
      await sink.abort()
      if (clock.now() >= deadline || context.connections.closed || !mayBeginAgain(GliderError.from(error))) throw error
    }
  }
}

/**
 * The place is another than it was: what was there has been deleted or replaced. Opening it again tells what can be put now. Or the
 * claim ended with a connection, and nothing was committed.
 */
function mayBeginAgain({ code, outcome }: GliderError): boolean {
  return CHANGED.has(code) || (code === 'UNAVAILABLE' && outcome !== 'unknown')
}

/** The bytes of a file or keyvalue, of one version: where that is replaced while it is being read, those of the next one. */
export function getValue(context: ClientContext, target: Target, options: CallOptions | undefined): Promise<Buffer> {
  context.counters.transfers++
  return attemptGet(context, target, options)
}

function attemptGet(
  context: ClientContext,
  target: Target,
  options: CallOptions | undefined,
  deadline?: number,
): Promise<Buffer> {
  const { metadata, counters } = context
  return metadata.ask(catalogue.get, askFor(target), undefined, options, ({ opened }, body) => {
    if (opened) return getBlocks(context, target, opened, options, deadline)
    counters.bytesReceived += body.length
    return body
  })
}

function askFor(target: Target): HeadOf<typeof catalogue.get> {
  if ('path' in target) return { path: target.path, blocks: LOCATE_BLOCKS }
  const { node, key } = target
  return key === undefined ? { node, blocks: LOCATE_BLOCKS } : { node, key, blocks: LOCATE_BLOCKS }
}

async function getBlocks(
  context: ClientContext,
  target: Target,
  opened: OpenedRead,
  options: CallOptions = {},
  deadline = context.connections.context.clock.now() + (options.timeoutMs ?? GIVE_UP_MS),
): Promise<Buffer> {
  const source = new FileSource(context, opened)
  const bytes = Buffer.allocUnsafeSlow(source.size)
  try {
    await source.read(0, bytes, options)
    return bytes
  } catch (error) {
    if (GliderError.from(error).code !== 'BLOCK_GONE' || context.connections.context.clock.now() >= deadline) throw error
  }
  return attemptGet(context, target, options, deadline)
}

type OpenedRead = NonNullable<AnswerOf<typeof catalogue.get>['opened']>
