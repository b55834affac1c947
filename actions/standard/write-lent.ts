import type { FileWriteStream } from '../store.ts'

/** Writes buffers that are lent one at a time, and publishes; nothing is published where one of the two fails. */
export async function writeLent(stream: FileWriteStream, buffers: AsyncIterable<Buffer>): Promise<void> {
  // Whoever waits for a write, or for the end, is told.
  stream.on('error', () => {})
  try {
    for await (const buffer of buffers) await calledBack(done => stream.write(buffer, done))
    await calledBack(done => stream.end(done))
  } catch (error) {
    // A write that comes after the failure is only told that the stream is no more.
    const cause = stream.errored ?? error
    stream.destroy()
    throw cause
  }
}

function calledBack(begin: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    begin(error => (error ? reject(error) : resolve()))
  })
}
