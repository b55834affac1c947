import type { KeyIndex } from './key-index.ts'

export const BILLION = 1e9
/** Integers of at least so many billions are wide: a double may not hold them exactly. */
export const WIDE_BILLIONS = 1e6

/** One value by key, into which further ones are folded: a sum, a minimum… */
export interface Fold {
  readonly keys: KeyIndex
  /** Folds a number into the value of the key that is `bytes` from `start` to `end`; of integers, one below 10^15 either way. */
  add(bytes: Buffer, start: number, end: number, value: number): void
  /** The same for all other integers of 64 bits: `billions` * 10^9 + `rest`, of one sign, `rest` below 10^9 either way. */
  addWide(bytes: Buffer, start: number, end: number, billions: number, rest: number): void
  /** Folds in all values of another fold of the same kind. Whether there is room is the caller's to know. */
  addAll(other: this): void
  /** The values as they are now, as text by number of key. */
  snapshot(): (key: number) => string
}

export function bigOf(billions: number, rest: number): bigint {
  return BigInt(billions) * BigInt(BILLION) + BigInt(rest)
}

/** Lines `key,value`, in buffers of about `bufferBytes`: what is folded in later is not in them. */
export function* foldedLines(fold: Fold, bufferBytes: number): Generator<Buffer, void, undefined> {
  const { keys } = fold
  const size = keys.size
  const value = fold.snapshot()
  let out = Buffer.allocUnsafeSlow(bufferBytes)
  let at = 0
  for (let key = 0; key < size; key++) {
    const text = `,${value(key)}\n`
    const start = keys.start(key)
    const end = keys.end(key)
    const room = end - start + text.length
    if (at + room > out.length) {
      if (at > 0) yield out.subarray(0, at)
      out = Buffer.allocUnsafeSlow(Math.max(bufferBytes, room))
      at = 0
    }
    keys.bytes.copy(out, at, start, end)
    at += end - start
    at += out.write(text, at, 'latin1')
  }
  if (at > 0) yield out.subarray(0, at)
}
