/** How tasks read and write: the same for files and actions, since both are streams. */
import type { Readable, Writable } from 'node:stream'
import type { StoreClient } from '../../client/index.ts'
import type { Outputs } from './tasks.ts'

export async function openInput(store: StoreClient, path: string): Promise<Readable> {
  return (await store.lookup(path, 'file')).createReadStream()
}

export async function openOutput(store: StoreClient, path: string): Promise<OutputStream> {
  const file = await store.create(path, 'file', { parents: true, ifExists: 'replace' })
  return new OutputStream(file.createWriteStream())
}

/** One stream for each reducer. */
export function openOutputs(store: StoreClient, { kind, paths, key }: Outputs): Promise<OutputStream[]> {
  return Promise.all(
    paths.map(async path => {
      if (kind === 'files') return openOutput(store, path)
      const action = await store.lookup(path, 'action')
      return new OutputStream(action.createWriteStream({ key }))
    }),
  )
}

/** A write stream as promises. */
export class OutputStream {
  readonly #stream: Writable

  constructor(stream: Writable) {
    this.#stream = stream
    // Whatever fails is told by the next write or end.
    stream.on('error', () => undefined)
  }

  /** Resolves when more may be written. `bytes` belong to the stream from now on. */
  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(bytes, error => (error ? reject(this.#stream.errored ?? error) : resolve()))
    })
  }

  /** Resolves when everything has arrived. */
  end(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.end((error?: Error | null) => (error ? reject(this.#stream.errored ?? error) : resolve()))
    })
  }
}
