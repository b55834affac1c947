import type { FileHandle, GliderError } from 'glider'
import { expect } from 'vitest'

export const MiB = 1 << 20

/** Bytes that tell where they are from. */
export function patterned(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + (i >> 16) * seed + seed) & 255
  return bytes
}

/** Reads the last byte of a handle until its block is gone. */
export async function untilGone(handle: FileHandle): Promise<void> {
  const byte = Buffer.alloc(1)
  for (;;) {
    try {
      await handle.read(handle.size - 1, byte)
    } catch (error) {
      expect((error as GliderError).code).toBe('BLOCK_GONE')
      return
    }
  }
}
