/**
 * Bytes that are known by the name they are stored under, a version and a length: whoever reads them can tell whether they are
 * these, all of these and nothing else. Eight bytes further on each is another, so that a piece in the wrong place shows.
 */

/** Hash of the name, version, length, and the hash of these three. */
export const HEAD_BYTES = 16

export function contentOf(name: string, version: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.max(length, HEAD_BYTES))
  const seed = hash(name)
  bytes.writeUInt32LE(seed, 0)
  bytes.writeUInt32LE(version, 4)
  bytes.writeUInt32LE(bytes.length, 8)
  const mark = mix(seed, version, bytes.length)
  bytes.writeUInt32LE(mark, 12)
  let at = HEAD_BYTES
  for (; at + 4 <= bytes.length; at += 4) bytes.writeUInt32LE(word(mark, at), at)
  for (; at < bytes.length; at++) bytes[at] = word(mark, at) & 0xff
  return bytes
}

export interface Found {
  readonly version: number
  readonly length: number
}

/**
 * Takes the first piece of content that begins at `at`.
 * @throws Error telling what is wrong with it
 */
export function takeContent(name: string, bytes: Buffer, at = 0): Found {
  if (bytes.length - at < HEAD_BYTES)
    throw new Error(`${name}: of ${bytes.length} bytes, ${bytes.length - at} are left for a head`)
  const version = bytes.readUInt32LE(at + 4)
  const length = bytes.readUInt32LE(at + 8)
  if (bytes.readUInt32LE(at) !== hash(name) || bytes.readUInt32LE(at + 12) !== mix(hash(name), version, length))
    throw new Error(`${name}: no head at ${at} of ${bytes.length}, but ${bytes.subarray(at, at + HEAD_BYTES).toString('hex')}`)
  if (bytes.length - at < length)
    throw new Error(`${name}: version ${version} has ${length} bytes, and ${bytes.length - at} are there`)
  const expected = contentOf(name, version, length)
  const found = bytes.subarray(at, at + length)
  if (!expected.equals(found))
    throw new Error(`${name}: version ${version} of ${length} bytes is wrong from byte ${difference(expected, found)} on`)
  return { version, length }
}

/** The same where nothing else may be there. */
export function wholeContent(name: string, bytes: Buffer): Found {
  const found = takeContent(name, bytes)
  if (found.length !== bytes.length)
    throw new Error(`${name}: version ${found.version} has ${found.length} bytes, and ${bytes.length} are there`)
  return found
}

/** Pieces of content one behind the other, as an appended file or a bag has them. */
export function allContent(name: string, bytes: Buffer): Found[] {
  const all: Found[] = []
  for (let at = 0; at < bytes.length; ) {
    const found = takeContent(name, bytes, at)
    all.push(found)
    at += found.length
  }
  return all
}

function difference(one: Buffer, other: Buffer): number {
  let at = 0
  while (one[at] === other[at]) at++
  return at
}

function word(mark: number, at: number): number {
  return (Math.imul(at ^ mark, 0x9e37_79b1) ^ (mark >>> 7)) >>> 0
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c_9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x0100_0193)
  return value >>> 0
}

function mix(seed: number, version: number, length: number): number {
  return (Math.imul(seed ^ Math.imul(version, 0x85eb_ca6b), 0xc2b2_ae35) ^ Math.imul(length, 0x27d4_eb2f)) >>> 0
}
