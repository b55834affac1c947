const LF = 10
/** Bytes of a line that are compared as one number: as many whole ones as a double holds exactly. */
const PREFIX_BYTES = 6

/** The lines of `text`, which ends with LF, in order of their bytes, in buffers of about `bufferBytes`. */
export function* sortedLines(text: Buffer, bufferBytes: number): Generator<Buffer, void, undefined> {
  const starts = lineStarts(text)
  const lines = starts.length - 1
  const prefixes = new Float64Array(lines)
  const order = new Uint32Array(lines)
  for (let line = 0; line < lines; line++) {
    prefixes[line] = prefixOf(text, starts[line]!, starts[line + 1]! - 1)
    order[line] = line
  }
  order.sort((a, b) => {
    const byPrefix = prefixes[a]! - prefixes[b]!
    if (byPrefix !== 0) return byPrefix
    return text.compare(text, starts[b], starts[b + 1]! - 1, starts[a], starts[a + 1]! - 1)
  })
  let out = Buffer.allocUnsafeSlow(bufferBytes)
  let at = 0
  for (const line of order) {
    const length = starts[line + 1]! - starts[line]!
    if (at + length > out.length) {
      if (at > 0) yield out.subarray(0, at)
      out = Buffer.allocUnsafeSlow(Math.max(bufferBytes, length))
      at = 0
    }
    at += text.copy(out, at, starts[line], starts[line + 1])
  }
  if (at > 0) yield out.subarray(0, at)
}

/** Where each line begins; at last, where the next one would. */
function lineStarts(text: Buffer): Float64Array {
  let lines = 0
  for (let at = text.indexOf(LF); at !== -1; at = text.indexOf(LF, at + 1)) lines++
  const starts = new Float64Array(lines + 1)
  for (let line = 1, at = text.indexOf(LF); at !== -1; at = text.indexOf(LF, at + 1)) starts[line++] = at + 1
  return starts
}

/** The first bytes as a number, short lines filled up with zeros. */
function prefixOf(text: Buffer, start: number, end: number): number {
  if (end - start >= PREFIX_BYTES) return text.readUIntBE(start, PREFIX_BYTES)
  let prefix = 0
  for (let at = start; at < start + PREFIX_BYTES; at++) prefix = prefix * 256 + (at < end ? text[at]! : 0)
  return prefix
}
