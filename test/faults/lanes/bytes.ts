import type { Readable, Writable } from 'node:stream'
import { GliderError } from 'glider'
import { type OperationKind, STREAM_MS } from '../operations.ts'
import { shortRest, type Work } from './lane.ts'

const MOST_PIECE_BYTES = 200_000

/** The bytes in pieces of any size, some of them late. */
export async function* pieces(work: Work, bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + work.chance.below(MOST_PIECE_BYTES)
    if (work.chance.oneIn(4)) await shortRest(work)
    yield bytes.subarray(at, end)
    at = end
  }
}

/** Everything that a stream gives, read in no hurry. */
export async function gathered(work: Work, stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer)
    if (work.chance.oneIn(8)) await shortRest(work)
  }
  return Buffer.concat(chunks)
}

/** Resolves once the stream has closed without an error. May be waited for late, or never. */
export function closing(stream: Readable | Writable): Promise<void> {
  const closed = new Promise<void>((resolve, reject) => {
    stream.on('error', reject)
    stream.on('close', resolve)
  })
  closed.catch(() => undefined)
  return closed
}

/** Resolves once the piece is taken; rejects where the stream ends meanwhile. */
export async function written(stream: Writable, closed: Promise<void>, piece: Uint8Array): Promise<void> {
  await Promise.race([new Promise(resolve => stream.write(piece, resolve)), closed])
}

/** Gives up what is still open of it; resolves once it has closed, whatever has become of it. */
export async function closedFor(stream: Readable | Writable): Promise<void> {
  if (stream.closed) return
  stream.destroy()
  await new Promise<void>(resolve => stream.on('close', resolve))
}

/** Begins a stream with these bytes and gives it up in the middle: nobody may ever see them. */
export async function givenUp(
  work: Work,
  kind: OperationKind,
  path: string,
  bytes: Uint8Array,
  open: () => Writable,
): Promise<void> {
  const run = async (): Promise<void> => {
    const stream = open()
    const closed = closing(stream)
    await written(stream, closed, bytes)
    await shortRest(work)
    stream.destroy(new GliderError('CANCELLED', 'the test has changed its mind'))
    await closed
  }
  await work.operations.run(kind, path, STREAM_MS, run, ['CANCELLED'])
}
