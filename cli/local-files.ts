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
  const handle = await open(file).catch((error: unknown) => {
    throw unreadable(error, file)
  })
  const about = await handle.stat()
  if (about.isDirectory()) {
    await handle.close()
    throw unreadable(localError('EISDIR', 'it is a directory'), file)
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
    await pipeline(source, createWriteStream(file), { signal }).catch((error: unknown) => {
      throw unwritable(error, file)
    })
    return
  }
  const target = old ? await realpath(file) : file
  const partial = `${target}.${process.pid}.partial`
  try {
    await pipeline(source, createWriteStream(partial, { flags: 'wx', ...(old && { mode: old.mode }) }), { signal })
    await rename(partial, target)
  } catch (error) {
    // Where it could not be made there is nothing to take away.
    await rm(partial, { force: true }).catch(() => undefined)
    throw unwritable(error, file)
  }
}

const READ_REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file: check its path, or give - for stdin',
  ENOTDIR: 'a part of its path is no directory: check it',
  EISDIR: 'it is a directory: name a file, and put those of a directory one by one',
  EACCES: 'you may not read it: change its permissions, or run as who may',
}

const WRITE_REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such directory: make it first',
  ENOTDIR: 'a part of its path is no directory: check it',
  EISDIR: 'it is a directory: name a file in it',
  EACCES: 'you may not write there: change the permissions of its directory, or name another file',
  EROFS: 'the file system there is read-only: name another file',
  ENOSPC: 'no space is left there: make room, or name a file elsewhere',
}

function unreadable(error: unknown, file: string): unknown {
  return explained(error, `cannot read the file ${file} of this machine`, READ_REMEDIES)
}

function unwritable(error: unknown, file: string): unknown {
  return explained(error, `cannot write the file ${file} of this machine`, WRITE_REMEDIES)
}

/** Keeps what is no error of a file as it is, as those of the store are. */
function explained(error: unknown, what: string, remedies: Readonly<Record<string, string>>): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined) return error
  return localError(code, `${what}: ${remedies[code] ?? message.replace(`${code}: `, '')}`, error)
}

function localError(code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code, syscall: 'file' })
}
