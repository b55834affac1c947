import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { GliderError } from '../protocol/errors.ts'
import { compareGenerations, type Generation } from '../protocol/generation.ts'
import { noGrant } from '../protocol/grant.ts'
import { encodeLocation, type Location, type Purpose, sign } from '../protocol/location.ts'
import { Grants } from '../server/grants.ts'
import { Blocks, type Pinned } from './blocks.ts'
import { type BlockMemory, DramStore } from './dram-store.ts'

const BLOCK_BYTES = 64
const COUNT = 3
const KEY = Buffer.alloc(32, 1)
const INCARNATION = 'AbCdEfGhIjKl'

let blocks: Blocks<BlockMemory>

beforeEach(() => {
  blocks = make()
})

function make(): Blocks<BlockMemory> {
  return new Blocks({
    store: new DramStore(BLOCK_BYTES),
    capacityBytes: COUNT * BLOCK_BYTES + 7,
    blockBytes: BLOCK_BYTES,
    incarnation: INCARNATION,
    proofKey: KEY,
    grants: new Grants(),
  })
}

function generation(counter: number, epoch = 1): Generation {
  return { epoch, counter }
}

function head(change: Partial<Location> = {}, key = KEY): Buffer {
  const location = {
    incarnation: INCARNATION,
    block: 0,
    generation: generation(1),
    purpose: 'write' as Purpose,
    grant: noGrant,
    ...change,
  }
  return encodeLocation({ ...sign(location, key), ...change })
}

function write(into: Blocks<BlockMemory>, location: Buffer, offset: number, bytes: Uint8Array): void {
  const pinned = into.beginWrite(location, offset, bytes.length)
  pinned.place.bytes.set(bytes, offset)
  into.endWrite(pinned, offset, bytes.length)
}

function read(from: Blocks<BlockMemory>, location: Buffer, offset: number, length: number): Buffer {
  const memory = from.beginRead(location, offset, length)
  const bytes = Buffer.from(memory.bytes.subarray(offset, offset + length))
  from.unpin(memory)
  return bytes
}

function codeOf(call: () => unknown): string {
  try {
    call()
    return 'ok'
  } catch (error) {
    return (error as GliderError).code
  }
}

describe('a generation', () => {
  test('lower than the highest ever honoured is gone, for reads and writes', () => {
    write(blocks, head({ generation: generation(5) }), 0, Buffer.from('new'))
    expect(codeOf(() => write(blocks, head({ generation: generation(4) }), 0, Buffer.from('old')))).toBe('BLOCK_GONE')
    expect(codeOf(() => read(blocks, head({ generation: generation(4) }), 0, 1))).toBe('BLOCK_GONE')
    expect(codeOf(() => read(blocks, head({ generation: generation(99, 0) }), 0, 1))).toBe('BLOCK_GONE')
    expect(read(blocks, head({ generation: generation(5) }), 0, 3).toString()).toBe('new')
  })

  test('higher empties the block first: nothing of the older one can be read', () => {
    write(blocks, head(), 0, Buffer.from('secret'))
    expect(codeOf(() => read(blocks, head({ generation: generation(2), purpose: 'read' }), 0, 6))).toBe('BLOCK_GONE')
    write(blocks, head({ generation: generation(2) }), 0, Buffer.from('s'))
    expect(read(blocks, head({ generation: generation(2) }), 0, 1).toString()).toBe('s')
    expect(codeOf(() => read(blocks, head({ generation: generation(2) }), 0, 6))).toBe('BLOCK_GONE')
  })

  test('of a later epoch is higher whatever its counter', () => {
    write(blocks, head({ generation: generation(1_000) }), 0, Buffer.from('a'))
    write(blocks, head({ generation: generation(1, 2) }), 0, Buffer.from('b'))
    expect(codeOf(() => read(blocks, head({ generation: generation(1_000) }), 0, 1))).toBe('BLOCK_GONE')
  })

  test('that was freed before it was ever seen here is gone', () => {
    blocks.free(0, generation(3))
    expect(codeOf(() => write(blocks, head({ generation: generation(3) }), 0, Buffer.from('a')))).toBe('BLOCK_GONE')
  })

  test('of all blocks ends when the metadata server knows none of them', () => {
    write(blocks, head(), 0, Buffer.from('a'))
    blocks.freeUpTo(blocks.newest)
    expect(blocks.held).toBe(0)
    expect(codeOf(() => read(blocks, head(), 0, 1))).toBe('BLOCK_GONE')
    expect(codeOf(() => write(blocks, head(), 0, Buffer.from('a')))).toBe('BLOCK_GONE')
  })

  test('of a number beyond the capacity can be freed, to no effect', () => {
    blocks.free(COUNT, generation(1))
    blocks.free(0xffff_ffff, generation(1))
    expect(blocks.count).toBe(COUNT)
  })
})

describe('a range', () => {
  test('with a gap in what was written is gone, and whole once the gap is filled', () => {
    write(blocks, head(), 0, Buffer.from('ab'))
    write(blocks, head(), 4, Buffer.from('ef'))
    expect(codeOf(() => read(blocks, head(), 0, 6))).toBe('BLOCK_GONE')
    write(blocks, head(), 2, Buffer.from('cd'))
    expect(read(blocks, head(), 0, 6).toString()).toBe('abcdef')
  })

  test('ends with its block', () => {
    write(blocks, head(), 0, Buffer.alloc(BLOCK_BYTES))
    expect(codeOf(() => write(blocks, head(), 60, Buffer.alloc(5)))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => read(blocks, head(), 1, BLOCK_BYTES))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => blocks.beginRead(head(), 0xffff_ffff, 0xffff_ffff))).toBe('INVALID_ARGUMENT')
  })

  test('is not there before its bytes have landed', () => {
    const pinned = blocks.beginWrite(head(), 0, 4)
    expect(codeOf(() => read(blocks, head(), 0, 4))).toBe('BLOCK_GONE')
    blocks.endWrite(pinned, 0, 4)
    expect(read(blocks, head(), 0, 4)).toHaveLength(4)
  })
})

describe('a proof', () => {
  test('that fits nothing but its own location lets nobody in: every bit counts', () => {
    write(blocks, head(), 0, Buffer.from('a'))
    // Remembered, so that also the short way in is tried.
    const sound = head({ purpose: 'read' })
    expect(read(blocks, sound, 0, 1).toString()).toBe('a')
    for (let bit = 0; bit < sound.length * 8; bit++) {
      const tampered = Buffer.from(sound)
      tampered[bit >> 3]! ^= 1 << (bit & 7)
      expect(['FORBIDDEN', 'BLOCK_GONE', 'PROTOCOL_ERROR']).toContain(codeOf(() => read(blocks, tampered, 0, 1)))
    }
    expect(read(blocks, sound, 0, 1).toString()).toBe('a')
  })

  test('of another key is FORBIDDEN and changes nothing, however high its generation', () => {
    write(blocks, head(), 0, Buffer.from('a'))
    const forged = head({ generation: generation(99) }, Buffer.alloc(32, 2))
    expect(codeOf(() => write(blocks, forged, 0, Buffer.from('b')))).toBe('FORBIDDEN')
    expect(read(blocks, head(), 0, 1).toString()).toBe('a')
  })

  test('for reading is not good for writing, also once it was used', () => {
    write(blocks, head(), 0, Buffer.from('a'))
    const reading = head({ purpose: 'read' })
    read(blocks, reading, 0, 1)
    expect(codeOf(() => write(blocks, reading, 0, Buffer.from('b')))).toBe('FORBIDDEN')
    expect(codeOf(() => read(blocks, head({ purpose: 'action' }), 0, 1))).toBe('FORBIDDEN')
  })

  test('for a block that the server does not have is a defect, not a crash', () => {
    expect(codeOf(() => write(blocks, head({ block: COUNT }), 0, Buffer.from('a')))).toBe('INTERNAL')
    expect(codeOf(() => write(blocks, head({ block: 0xffff_ffff }), 0, Buffer.from('a')))).toBe('INTERNAL')
  })
})

describe('memory in use', () => {
  test('by a write that lands while the block is given to another never brings bytes to the new owner', () => {
    const landing = blocks.beginWrite(head(), 0, 8)
    write(blocks, head({ generation: generation(2) }), 0, Buffer.from('new owner'))
    landing.place.bytes.write('old bytes', 0)
    expect(read(blocks, head({ generation: generation(2) }), 0, 9).toString()).toBe('new owner')
    expect(codeOf(() => blocks.endWrite(landing, 0, 8))).toBe('BLOCK_GONE')
    expect(read(blocks, head({ generation: generation(2) }), 0, 9).toString()).toBe('new owner')
  })

  test('by a write goes to no other block either, until it has landed', () => {
    const landing = blocks.beginWrite(head(), 0, 8)
    blocks.free(0, generation(1))
    for (let block = 0; block < COUNT; block++) {
      write(blocks, head({ block, generation: generation(2) }), 0, Buffer.from('owner'))
    }
    landing.place.bytes.write('LEAK!', 0)
    for (let block = 0; block < COUNT; block++) {
      expect(read(blocks, head({ block, generation: generation(2) }), 0, 5).toString()).toBe('owner')
    }
    expect(codeOf(() => blocks.endWrite(landing, 0, 8))).toBe('BLOCK_GONE')
  })

  test('by a read that is being sent keeps its bytes although the block is used again', () => {
    write(blocks, head(), 0, Buffer.from('as it was'))
    const sending = blocks.beginRead(head(), 0, 9)
    blocks.free(0, generation(1))
    for (let block = 0; block < COUNT; block++) {
      write(blocks, head({ block, generation: generation(2) }), 0, Buffer.alloc(BLOCK_BYTES, 'x'))
    }
    expect(sending.bytes.toString('latin1', 0, 9)).toBe('as it was')
    blocks.unpin(sending)
  })

  test('is used again, last in first out, once nothing is under way', () => {
    write(blocks, head(), 0, Buffer.from('a'))
    write(blocks, head({ block: 1 }), 0, Buffer.from('b'))
    const second = blocks.beginRead(head({ block: 1 }), 0, 1)
    blocks.unpin(second)
    blocks.free(0, generation(1))
    blocks.free(1, generation(1))
    const again = blocks.beginWrite(head({ block: 2 }), 0, 1)
    expect(again.place).toBe(second)
  })
})

test('blocks behave as their sentence says, whatever is done to them in whatever order', () => {
  interface Model {
    generation: Generation
    freed: boolean
    /** What may be read, byte by byte. */
    bytes: (number | undefined)[]
  }
  const numbers = fc.integer({ min: 0, max: COUNT - 1 })
  const generations = fc.record({ epoch: fc.integer({ min: 0, max: 2 }), counter: fc.integer({ min: 0, max: 4 }) })
  const offset = fc.integer({ min: 0, max: BLOCK_BYTES })
  const length = fc.integer({ min: 0, max: 24 })
  const step = fc.oneof(
    fc.record({ do: fc.constant('write' as const), block: numbers, generation: generations, offset, length }),
    fc.record({ do: fc.constant('begin' as const), block: numbers, generation: generations, offset, length }),
    fc.record({ do: fc.constantFrom('finish' as const, 'abandon' as const), which: fc.nat() }),
    fc.record({ do: fc.constant('read' as const), block: numbers, generation: generations, offset, length }),
    fc.record({ do: fc.constant('send' as const), block: numbers, generation: generations, offset, length }),
    fc.record({ do: fc.constant('sent' as const), which: fc.nat() }),
    fc.record({ do: fc.constant('free' as const), block: numbers, generation: generations }),
    fc.record({ do: fc.constant('freeAll' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), steps => {
      const real = make()
      const model: Model[] = Array.from({ length: COUNT }, () => ({ generation: generation(0, 0), freed: true, bytes: [] }))
      const landing: {
        pinned: Pinned<BlockMemory>
        block: number
        life: object
        offset: number
        length: number
      }[] = []
      const sending: { memory: BlockMemory; expected: Buffer; offset: number }[] = []
      const lives: object[] = Array.from({ length: COUNT }, () => ({}))
      const empty = (block: number): void => {
        model[block]!.bytes = []
        lives[block] = {}
      }
      const open = (block: number, wanted: Generation, at: number, bytes: number): string => {
        const its = model[block]!
        const order = compareGenerations(wanted, its.generation)
        if (order < 0) return 'BLOCK_GONE'
        if (order > 0) {
          empty(block)
          its.generation = wanted
          its.freed = false
        }
        if (its.freed) return 'BLOCK_GONE'
        return at + bytes > BLOCK_BYTES ? 'INVALID_ARGUMENT' : 'ok'
      }
      const whole = (block: number, at: number, bytes: number): boolean =>
        Array.from({ length: bytes }, (_unused, i) => model[block]!.bytes[at + i]).every(byte => byte !== undefined)

      for (const [index, now] of steps.entries()) {
        const value = (index % 250) + 1
        switch (now.do) {
          case 'write': {
            const location = head({ block: now.block, generation: now.generation })
            const result = codeOf(() => write(real, location, now.offset, Buffer.alloc(now.length, value)))
            const expected = open(now.block, now.generation, now.offset, now.length)
            expect(result).toBe(expected)
            if (result === 'ok') for (let i = 0; i < now.length; i++) model[now.block]!.bytes[now.offset + i] = value
            break
          }
          case 'begin': {
            const location = head({ block: now.block, generation: now.generation })
            const expected = open(now.block, now.generation, now.offset, now.length)
            let pinned: Pinned<BlockMemory> | undefined
            expect(
              codeOf(() => {
                pinned = real.beginWrite(location, now.offset, now.length)
              }),
            ).toBe(expected)
            if (!pinned) break
            // From here on its bytes may land at any time: who reads the range meanwhile sees either.
            pinned.place.bytes.fill(value, now.offset, now.offset + now.length)
            for (let i = now.offset; i < now.offset + now.length; i++) {
              if (model[now.block]!.bytes[i] !== undefined) model[now.block]!.bytes[i] = value
            }
            landing.push({ pinned, block: now.block, life: lives[now.block]!, offset: now.offset, length: now.length })
            break
          }
          case 'finish':
          case 'abandon': {
            if (landing.length === 0) break
            const [one] = landing.splice(now.which % landing.length, 1)
            if (now.do === 'abandon') {
              real.unpin(one!.pinned.place)
              break
            }
            const alive = lives[one!.block] === one!.life
            const { block, offset: at, length: bytes } = one!
            expect(codeOf(() => real.endWrite(one!.pinned, at, bytes))).toBe(alive ? 'ok' : 'BLOCK_GONE')
            if (!alive) break
            for (let i = at; i < at + bytes; i++) model[block]!.bytes[i] = one!.pinned.place.bytes[i]!
            break
          }
          case 'read':
          case 'send': {
            const location = head({ block: now.block, generation: now.generation, purpose: 'read' })
            let expected = open(now.block, now.generation, now.offset, now.length)
            if (expected === 'ok' && now.length > 0 && !whole(now.block, now.offset, now.length)) expected = 'BLOCK_GONE'
            let memory: BlockMemory | undefined
            const result = codeOf(() => {
              memory = real.beginRead(location, now.offset, now.length)
            })
            // A read of nothing depends on whether there is memory already, which is nobody's business.
            if (now.length === 0 && expected === 'ok') expect(['ok', 'BLOCK_GONE']).toContain(result)
            else expect(result).toBe(expected)
            if (!memory) break
            const bytes = Buffer.from(memory.bytes.subarray(now.offset, now.offset + now.length))
            expect([...bytes]).toEqual(model[now.block]!.bytes.slice(now.offset, now.offset + now.length))
            if (now.do === 'read') real.unpin(memory)
            else sending.push({ memory, expected: bytes, offset: now.offset })
            break
          }
          case 'sent': {
            if (sending.length === 0) break
            const [one] = sending.splice(now.which % sending.length, 1)
            real.unpin(one!.memory)
            break
          }
          case 'free': {
            real.free(now.block, now.generation)
            if (compareGenerations(now.generation, model[now.block]!.generation) < 0) break
            empty(now.block)
            model[now.block]!.generation = now.generation
            model[now.block]!.freed = true
            break
          }
          case 'freeAll':
            real.freeUpTo(real.newest)
            for (const [block, its] of model.entries()) {
              empty(block)
              its.freed = true
            }
            break
        }
        expect(real.held).toBeLessThanOrEqual(COUNT)
      }
    }),
    { numRuns: 500 },
  )
})
