/** Streams of bytes as async iterators, which is what lets a part of one be looked at first. */
import type { ProgressBar } from './progress-bar.ts'

/** Takes chunks until there are more than `most` bytes or no more. */
export async function readUpTo(source: AsyncIterator<Buffer>, most: number): Promise<{ chunks: Buffer[]; ended: boolean }> {
  const chunks: Buffer[] = []
  for (let bytes = 0; bytes <= most; ) {
    const next = await source.next()
    if (next.done) return { chunks, ended: true }
    chunks.push(next.value)
    bytes += next.value.length
  }
  return { chunks, ended: false }
}

/** `head`, then the rest of `source`, which ends with this; `bar` is told. */
export async function* counted(head: readonly Buffer[], source: AsyncIterator<Buffer>, bar: ProgressBar): AsyncGenerator<Buffer> {
  try {
    for (const chunk of head) {
      bar.add(chunk.length)
      yield chunk
    }
    for (let next = await source.next(); !next.done; next = await source.next()) {
      bar.add(next.value.length)
      yield next.value
    }
  } finally {
    await source.return?.()
  }
}
