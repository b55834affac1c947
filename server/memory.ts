import { totalmem } from 'node:os'

/** Bytes of memory that this process can have at most: those of the machine, or of the container that it is in. */
export function memoryBytes(): number {
  // 0 where it is not known; without a limit it is beyond all memory that there is.
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}
