/** The other end of a transfer: a file of this machine, or `-` for stdin and stdout. */
import { createReadStream, createWriteStream } from 'node:fs'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { addAbortSignal, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Io } from './session.ts'

const CHUNK_BYTES = 256 << 10

export interface LocalSource {
  readonly stream: Readable
  /** Bytes to come, where that is known. */
  readonly size: number | undefined
}

/** Opens it at once, so that what cannot be read is known before anything is done; it ends when the user says so. */
export async function openSource(io: Io, file: string): Promise<LocalSource> {
  if (file === '-') return { stream: addAbortSignal(io.signal, io.stdin), size: undefined }
  const handle = await open(file)
  const about = await handle.stat()
  if (about.isDirectory()) {
    await handle.close()
    throw Object.assign(new Error(`EISDIR: illegal operation on a directory, read '${file}'`), {
      code: 'EISDIR',
      syscall: 'read',
    })
  }
  const stream = createReadStream(file, { fd: handle, highWaterMark: CHUNK_BYTES })
  return { stream: addAbortSignal(io.signal, stream), size: about.isFile() ? about.size : undefined }
}

/** Writes everything from `source`. A file is there as a whole or, where that fails, as it was before. */
export async function writeTarget(io: Io, file: string, source: Readable | AsyncIterable<Buffer>): Promise<void> {
  const { signal } = io
  if (file === '-') {
    await pipeline(source, io.stdout, { signal, end: false })
    return
  }
  const old = await stat(file).catch(() => undefined)
  if (old && !old.isFile()) {
    // A device or a pipe: there is nothing to put in its place.
    await pipeline(source, createWriteStream(file), { signal })
    return
  }
  const target = old ? await realpath(file) : file
  const partial = `${target}.${process.pid}.partial`
  try {
    await pipeline(source, createWriteStream(partial, { flags: 'wx', ...(old && { mode: old.mode }) }), { signal })
    await rename(partial, target)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}
