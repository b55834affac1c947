import { once } from 'node:events'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { GliderError } from 'glider'

/** Everything that a stream gives. */
export async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export async function textOf(stream: Readable): Promise<string> {
  return (await bytesOf(stream)).toString()
}

/** Writes all of it and waits for `finish`. */
export async function writeAll(stream: Writable, ...pieces: (Uint8Array | string)[]): Promise<void> {
  await pipeline(Readable.from(pieces.map(piece => Buffer.from(piece as string))), stream)
}

/** The error that a stream ends with. */
export async function errorOf(stream: Readable | Writable): Promise<GliderError> {
  const [error] = (await once(stream, 'error')) as [GliderError]
  return error
}

/** Resolves with the callback of one write. */
export function written(stream: Writable, piece: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(piece, error => (error ? reject(error) : resolve()))
  })
}

export function ended(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('error', reject)
    stream.end((error?: Error | null) => (error ? reject(error) : resolve()))
  })
}
