/** Whole values: small ones travel with the metadata operation, others through blocks. */
import { types } from 'node:util'
import type { CallOptions } from '../actions/store.ts'
import { type AnswerOf, catalogue, type HeadOf } from '../protocol/catalogue.ts'
import type { Clock } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import type { ClientContext, Target } from './context.ts'
import { FileSink } from './file-sink.ts'
import { FileSource, LOCATE_BLOCKS } from './file-source.ts'
import { withinDeadline } from './waiting.ts'

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
  const begunMs = begunAt(context, options)
  if (bytes.length > inline.bytes) return putInTime(context, target, bytes, wishes, options, begunMs)
  return metadata.ask(catalogue.put, wishes ? { ...target, ...wishes } : target, bytes, options, ({ stored, inlineBytes }) => {
    inline.bytes = inlineBytes
    if (!stored) return putInTime(context, target, bytes, wishes, options, begunMs)
    counters.bytesSent += bytes.length
    return undefined
  })
}

function putInTime(
  context: ClientContext,
  target: Target,
  bytes: Uint8Array,
  wishes: PutWishes | undefined,
  options: CallOptions | undefined,
  begunMs: number,
): Promise<void> {
  const { clock } = context.connections.context
  const what = `putting ${nameOf(target)}`
  return withinDeadline(what, clock, leftOf(options, clock, begunMs), left => putBlocks(context, target, bytes, wishes, left))
}

function nameOf(target: Target): string {
  return 'path' in target ? target.path : `the value of ${target.key}`
}

/** When a call with a deadline of its own began. */
function begunAt({ connections }: ClientContext, options: CallOptions | undefined): number {
  return options?.timeoutMs === undefined ? 0 : connections.context.clock.now()
}

/** What is left of the deadline of a call, where it has one. */
function leftOf(options: CallOptions = {}, clock: Clock, begunMs: number): CallOptions {
  if (options.timeoutMs === undefined || options.timeoutMs <= 0) return options
  return { ...options, timeoutMs: Math.max(1, begunMs + options.timeoutMs - clock.now()) }
}

async function putBlocks(
  context: ClientContext,
  target: Target,
  bytes: Uint8Array,
  wishes: PutWishes | undefined,
  options: CallOptions,
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
      await sink.abort(options)
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
  const { metadata, counters, connections } = context
  const begunMs = begunAt(context, options)
  return metadata.ask(catalogue.get, askFor(target), undefined, options, ({ opened }, body) => {
    if (opened) {
      const { clock } = connections.context
      const left = leftOf(options, clock, begunMs)
      return withinDeadline(`getting ${nameOf(target)}`, clock, left, inTime => getBlocks(context, target, opened, inTime))
    }
    counters.bytesReceived += body.length
    return body
  })
}

function askFor(target: Target): HeadOf<typeof catalogue.get> {
  if ('path' in target) return { path: target.path, blocks: LOCATE_BLOCKS }
  const { node, key } = target
  return key === undefined ? { node, blocks: LOCATE_BLOCKS } : { node, key, blocks: LOCATE_BLOCKS }
}

async function getBlocks(context: ClientContext, target: Target, first: OpenedRead, options: CallOptions): Promise<Buffer> {
  const { metadata, counters } = context
  const { clock } = context.connections.context
  const deadline = clock.now() + (options.timeoutMs ?? GIVE_UP_MS)
  for (let opened = first; ; ) {
    const source = new FileSource(context, opened)
    const bytes = Buffer.allocUnsafeSlow(source.size)
    try {
      await source.read(0, bytes, options)
      return bytes
    } catch (error) {
      if (GliderError.from(error).code !== 'BLOCK_GONE' || clock.now() >= deadline) throw error
    }
    // Meanwhile it was replaced.
    const { head, body } = await metadata.exchange(catalogue.get, askFor(target), undefined, options)
    if (!head.opened) {
      counters.bytesReceived += body.length
      return body
    }
    opened = head.opened
  }
}

type OpenedRead = NonNullable<AnswerOf<typeof catalogue.get>['opened']>
