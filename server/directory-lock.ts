import { readFileSync } from 'node:fs'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { GliderError } from '../protocol/errors.ts'

export const LOCK_NAME = 'glider.lock'

export interface LockOwner {
  /** Unique among those who try at the same time. */
  readonly id: string
  /** What kind of server it is, for people. */
  readonly server: string
}

interface Lock {
  readonly directory: string
  readonly file: string
  readonly server: string
}

/**
 * Marks a directory as that of one server of this machine. The mark names the process, so that one that was left behind by a
 * dead process is known for what it is.
 */
export class DirectoryLock {
  readonly #file: string

  private constructor(file: string) {
    this.#file = file
  }

  /** @throws GliderError INVALID_ARGUMENT where another server has it */
  static async take(directory: string, { id, server }: LockOwner): Promise<DirectoryLock> {
    const file = path.join(directory, LOCK_NAME)
    const mine = path.join(directory, `${LOCK_NAME}.${id}`)
    await writeFile(mine, `${process.pid} ${startOf(process.pid)}`)
    try {
      // Linking is at once: there is no moment in which a lock is there and empty.
      while (!(await linked(mine, file))) await dropStale({ directory, file, server }, `${mine}.stale`)
    } finally {
      await rm(mine, { force: true })
    }
    return new DirectoryLock(file)
  }

  async release(): Promise<void> {
    await rm(this.#file, { force: true })
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function dropStale(lock: Lock, aside: string): Promise<void> {
  const { file } = lock
  const owner = await readIfThere(file)
  if (owner === undefined) return
  if (isAlive(owner)) throw inUse(lock, owner)
  try {
    await rename(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const moved = await readIfThere(aside)
  // Somebody else was quicker, and it is their lock that was moved.
  if (moved !== undefined && isAlive(moved)) {
    await linked(aside, file)
    await rm(aside)
    throw inUse(lock, moved)
  }
  await rm(aside, { force: true })
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function isAlive(owner: string): boolean {
  const [pid, start] = owner.split(' ')
  try {
    process.kill(Number(pid), 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  // The number may have gone to another process since.
  return start === startOf(Number(pid))
}

/** When a process started, as far as this system tells: it and the number together name one process. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may hold spaces; the start is the 20th field behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function inUse({ directory, server }: Lock, owner: string): GliderError {
  const pid = owner.split(' ')[0]
  return new GliderError(
    'INVALID_ARGUMENT',
    `the directory ${directory} belongs to the ${server} with process id ${pid}: give each server one of its own`,
  )
}
