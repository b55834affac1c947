import { execFile } from 'node:child_process'
import { type FileHandle, open, readdir, rm, statfs } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { GliderError } from '../protocol/errors.ts'
import { formatSize } from '../protocol/units.ts'
import { DirectoryLock } from '../server/directory-lock.ts'
import { makeDirectory } from '../server/make-directory.ts'

/** Several, since writes into one file wait for each other. */
const FILES = 8
const FILE_NAME = /^glider-blocks-\d+$/
const ZEROS = Buffer.alloc(1 << 20)

/** A file that holds blocks. */
export interface DataFile {
  readonly path: string
  readonly handle: FileHandle
}

/**
 * The directory of one disk server: locked, so that no two servers share it, and emptied at the start, because a new
 * incarnation holds nothing. Files that are not a server's own are left alone.
 */
export class DataDirectory {
  readonly files: readonly DataFile[]
  readonly #lock: DirectoryLock

  private constructor(files: readonly DataFile[], lock: DirectoryLock) {
    this.files = files
    this.#lock = lock
  }

  /**
   * Makes the files and takes their space from the disk, so that a full one is found now and not in the middle of a write.
   * @throws GliderError INVALID_ARGUMENT where it cannot be used or another server has it, NO_SPACE where it is too small
   */
  static async open(directory: string, capacityBytes: number, id: string): Promise<DataDirectory> {
    const files: DataFile[] = []
    let lock: DirectoryLock | undefined
    try {
      await makeDirectory(directory)
      lock = await DirectoryLock.take(directory, { id, server: 'storage server' })
      await removeFiles(directory)
      await checkSpace(directory, capacityBytes)
      for (let i = 0; i < FILES; i++) {
        const file = path.join(directory, `glider-blocks-${i}`)
        files.push({ path: file, handle: await open(file, 'wx+', 0o600) })
      }
      await Promise.all(files.map(file => allocate(file, Math.ceil(capacityBytes / FILES))))
      return new DataDirectory(files, lock)
    } catch (error) {
      await closeAll(files)
      if (lock) {
        await removeFiles(directory)
        await lock.release()
      }
      throw unusable(directory, error)
    }
  }

  /** Gives the space back: nobody will want what is there. Nothing may be under way. */
  async close(): Promise<void> {
    await closeAll(this.files)
    for (const file of this.files) await rm(file.path, { force: true })
    await this.#lock.release()
  }
}

async function removeFiles(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (FILE_NAME.test(name)) await rm(path.join(directory, name))
  }
}

async function closeAll(files: readonly DataFile[]): Promise<void> {
  await Promise.all(files.map(file => file.handle.close()))
}

async function checkSpace(directory: string, capacityBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory)
  if (bavail * bsize >= capacityBytes) return
  throw new GliderError(
    'NO_SPACE',
    `the disk of ${directory} has ${formatSize(bavail * bsize)} left, not ${formatSize(capacityBytes)}: give a smaller --capacity`,
  )
}

/** Node cannot reserve space by itself. Where the system's own program for it is not there, or not able to, zeros do it. */
async function allocate({ path: file, handle }: DataFile, bytes: number): Promise<void> {
  if (bytes === 0) return
  try {
    await promisify(execFile)('fallocate', ['--length', `${bytes}`, file])
  } catch {
    await handle.truncate(0)
    for (let at = 0; at < bytes; at += ZEROS.length) {
      await handle.write(ZEROS, 0, Math.min(ZEROS.length, bytes - at), at)
    }
  }
}

function unusable(directory: string, thrown: unknown): GliderError {
  if (thrown instanceof GliderError) return thrown
  const { code, message } = thrown as NodeJS.ErrnoException
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return new GliderError(
    full ? 'NO_SPACE' : 'INVALID_ARGUMENT',
    `the data directory ${directory} cannot be used (${message}): ${full ? 'give a smaller --capacity' : 'name another with --data-dir'}`,
    { cause: thrown },
  )
}
