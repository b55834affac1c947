/** Conversations of a client with a server: frames that make sense, and then some that do not. */

import { encodeFrame, frameKind, HEADER_BYTES } from '../../protocol/frame.ts'
import { LOCATION_BYTES } from '../../protocol/location.ts'
import type { Operation } from '../../protocol/operation.ts'
import { helloHead } from '../../protocol/testing/raw-peer.ts'
import type { Chance } from './chance.ts'
import { type Seen, spoilt, textOf, valueOf } from './values.ts'

const EMPTY = Buffer.alloc(0)
const bodies = [
  EMPTY,
  Buffer.alloc(1, 1),
  Buffer.from('7'),
  Buffer.from('a,1\nb,2\n'),
  Buffer.alloc(5_000, 2),
  Buffer.alloc(70_000, 3),
]

export interface Target {
  readonly operations: readonly Operation[]
  /** Locations in binary form, for the operations whose heads are. */
  readonly locations: readonly Buffer[]
}

/** Heads in another form than JSON, by their operation. */
function binaryHead({ name }: Operation, target: Target, chance: Chance): Buffer | undefined {
  const location = (): Buffer => (target.locations.length > 0 ? chance.of(target.locations) : chance.bytes(LOCATION_BYTES))
  const word = (): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(chance.oneIn(5) ? 0xffff_ffff - chance.below(3) : chance.below(70_000), 0)
    return bytes
  }
  switch (name) {
    case 'writeBlock':
      return Buffer.concat([location(), word()])
    case 'readBlock':
      return Buffer.concat([location(), word(), word()])
    case 'writeActionWhole':
      return chance.oneIn(3)
        ? Buffer.concat([location(), Buffer.from('{"key":"k","chain":["x"],"operation":"c-1"}')])
        : location()
    case 'put':
    case 'get': {
      if (chance.oneIn(2)) return undefined
      const head = Buffer.concat([Buffer.alloc(27), Buffer.from(chance.of(['/a', '/t/k', 'k', '', '\0', '/a//b']))])
      head[0] = 1 + chance.below(2)
      head.writeDoubleLE(chance.below(50), 3)
      head.writeDoubleLE(chance.below(50), 11)
      head.writeDoubleLE(chance.oneIn(3) ? Number.NaN : chance.below(50), 19)
      return head
    }
    default:
      return undefined
  }
}

/** Frames of one client. */
export interface Conversation {
  readonly frames: Buffer[]
  /** Those of them with something that no client says, or where none says it. */
  readonly mutated: Set<Buffer>
}

/** One that begins with a hello, and has heads that are spoilt here and there. */
export function conversation(target: Target, seen: Seen, chance: Chance, frames: number): Conversation {
  const mutated = new Set<Buffer>()
  const list = [encodeFrame(frameKind.hello, 0, 0, json({ ...helloHead, clientId: `c${chance.below(20)}` }), EMPTY)]
  let id = 1
  const open: number[] = []
  while (list.length < frames) {
    if (open.length > 0 && chance.oneIn(2)) {
      list.push(...more(chance.of(open), chance))
      continue
    }
    if (chance.oneIn(25)) {
      list.push(
        encodeFrame(chance.of([frameKind.ping, frameKind.pong, frameKind.goaway, frameKind.response]), 0, 0, EMPTY, EMPTY),
      )
      continue
    }
    const operation = chance.of(target.operations)
    const isSpoilt = chance.oneIn(3)
    const binary = binaryHead(operation, target, chance)
    const head = binary ?? headOf(operation, isSpoilt, seen, chance)
    const streams = operation.bytes === 'upload' || operation.bytes === 'download'
    const body = operation.bytes === 'body' ? chance.of(bodies) : EMPTY
    const frame = encodeFrame(streams ? frameKind.open : frameKind.request, operation.code, id, head, body)
    list.push(frame)
    if (isSpoilt && !binary) mutated.add(frame)
    if (streams) open.push(id)
    id += 2
  }
  return { frames: list, mutated }
}

function headOf(operation: Operation, isSpoilt: boolean, seen: Seen, chance: Chance): Buffer {
  const value = valueOf(operation.headSchema, chance, seen)
  const given = isSpoilt ? spoilt(value, chance) : value
  const bytes = Buffer.from(textOf(given, chance))
  return bytes.length > 64 << 10 ? bytes.subarray(0, 1_000) : bytes
}

/** What comes on a stream that is open. */
function more(id: number, chance: Chance): Buffer[] {
  switch (chance.below(6)) {
    case 0:
      return [encodeFrame(frameKind.end, 0, id, EMPTY, EMPTY)]
    case 1:
      return [encodeFrame(frameKind.reset, 0, id, json({ code: 'CANCELLED', message: 'enough' }), EMPTY)]
    case 2: {
      const head = Buffer.alloc(16)
      head.writeDoubleLE(chance.of([70_000, 1 << 20, 65_536.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]), 0)
      head.writeDoubleLE(chance.of([0, 10, -5, Number.NaN, 2 ** 60]), 8)
      return [encodeFrame(frameKind.credit, 0, id, head, EMPTY)]
    }
    default:
      return [encodeFrame(frameKind.data, 0, id, EMPTY, chance.of(bodies.slice(0, 5)))]
  }
}

/** Changes frames in place, or their order, or their number. */
export function mutate({ frames, mutated }: Conversation, chance: Chance): void {
  for (let changes = chance.below(4); changes > 0; changes--) {
    const index = chance.below(frames.length)
    const frame = frames[index]!
    // Most bytes are in bodies; headers and heads are what is worth changing.
    const at = chance.below(Math.min(frame.length, chance.oneIn(2) ? HEADER_BYTES : 80))
    let changed = frame
    switch (chance.below(8)) {
      case 0:
      case 1:
      case 2:
        frame[at] = chance.below(256)
        break
      case 3:
        changed = Buffer.concat([frame.subarray(0, at), chance.bytes(1 + chance.below(12)), frame.subarray(at)])
        frames[index] = changed
        break
      case 4:
        changed = Buffer.concat([frame.subarray(0, at), frame.subarray(at + 1 + chance.below(12))])
        frames[index] = changed
        break
      case 5:
        changed = Buffer.from(frame)
        frames.splice(index, 0, changed)
        break
      case 6:
        frames.push(...frames.splice(index, 1))
        break
      default: {
        const lengths = [0, 1, 0x7fff_ffff, 0xffff_ffff, 64 << 10, (64 << 10) + 1, 1 << 20, (1 << 20) + 1]
        if (frame.length >= HEADER_BYTES) frame.writeUInt32LE(chance.of(lengths), chance.of([0, 12, 8]))
      }
    }
    if (!frames.includes(frame)) mutated.delete(frame)
    mutated.add(changed)
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
