import type { Readable } from 'node:stream'

const LF = 10

/** Called with the bytes of each line, without LF, which are only lent. */
export type OnLine = (chunk: Buffer, start: number, end: number) => void

/**
 * Goes through the lines of a stream. `afterChunk` is called once all lines that end in a chunk have been gone through, with
 * its size, and waited for: that is how whoever takes the lines holds the stream back.
 */
export async function forEachLine(
  stream: Readable,
  onLine: OnLine,
  afterChunk?: (bytes: number) => Promise<void> | void,
): Promise<void> {
  let begun: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let start = 0
    let end = chunk.indexOf(LF)
    if (begun.length > 0 && end !== -1) {
      const line = Buffer.concat([...begun, chunk.subarray(0, end)])
      onLine(line, 0, line.length)
      begun = []
      start = end + 1
      end = chunk.indexOf(LF, start)
    }
    for (; end !== -1; end = chunk.indexOf(LF, start)) {
      onLine(chunk, start, end)
      start = end + 1
    }
    if (start < chunk.length) begun.push(chunk.subarray(start))
    await afterChunk?.(chunk.length)
  }
  if (begun.length === 0) return
  const line = Buffer.concat(begun)
  onLine(line, 0, line.length)
}
