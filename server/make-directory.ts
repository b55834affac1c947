import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'

/**
 * Makes a directory and those above it that are missing. Unlike `mkdir` with `recursive` it comes to an end everywhere: in a file
 * system that lets nobody make a directory and says so with ENOENT, as /proc does, that one tries for ever.
 */
export async function makeDirectory(directory: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(directory, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(directory)).isDirectory()) return
    const parent = path.dirname(directory)
    if (code !== 'ENOENT' || parent === directory || (await isThere(parent))) throw error
    await makeDirectory(parent, mode)
    await mkdir(directory, { mode })
  }
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}
