import type { Readable } from 'node:stream'
import type { ProgressBar } from './progress-bar.ts'

/** Takes chunks off a stream until there are more than `most` bytes or no more; what is left can still be read. */
export async function readUpTo(source: Readable, most: number): Promise<{ chunks: Buffer[]; ended: boolean }> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > most) return { chunks, ended: false }
  }
  return { chunks, ended: true }
}

/** How many bytes have gone by. */
export interface Tally {
  bytes: number
}

/** `head`, then all of `rest`; `bar` and `tally` are told. */
export async function* counted(head: readonly Buffer[], rest: Readable, bar: ProgressBar, tally: Tally): AsyncGenerator<Buffer> {
  for (const chunk of head) {
    bar.add(chunk.length)
    tally.bytes += chunk.length
    yield chunk
  }
  for await (const chunk of rest as AsyncIterable<Buffer>) {
    bar.add(chunk.length)
    tally.bytes += chunk.length
    yield chunk
  }
}
