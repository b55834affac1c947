import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Region, regionBytes, SharedArena } from './shared-arena.ts'

const SLAB_BYTES = 512 << 10

describe('a shared arena', () => {
  it('never hands out bytes that are still in use, and all of them again once they were released', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ take: fc.integer({ min: 1, max: SLAB_BYTES }) }) },
      { weight: 2, arbitrary: fc.record({ release: fc.nat(100) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const arena = new SharedArena(3)
        const held: (Region & { readonly length: number })[] = []
        for (const step of steps) {
          if ('take' in step) {
            const region = arena.allocate(step.take)
            if (!region) continue
            const end = region.offset + step.take
            expect(end).toBeLessThanOrEqual(SLAB_BYTES)
            for (const { slab, offset, length } of held)
              expect(slab !== region.slab || end <= offset || offset + length <= region.offset).toBe(true)
            held.push({ ...region, length: step.take })
          } else if (held.length > 0) {
            const [region] = held.splice(step.release % held.length, 1)
            arena.release(region!.slab)
          }
        }
        for (const { slab } of held) arena.release(slab)
        for (let i = 0; i < 3; i++) expect(arena.allocate(SLAB_BYTES)).toBeDefined()
        expect(arena.allocate(1)).toBeUndefined()
      }),
    )
  })

  it('has no piece that is larger than a slab', () => {
    const arena = new SharedArena(2)
    expect(arena.allocate(SLAB_BYTES + 1)).toBeUndefined()
    expect(arena.allocate(SLAB_BYTES)).toBeDefined()
  })

  it('shows the same bytes to whoever has its memory', () => {
    const arena = new SharedArena(2)
    const { slab, offset } = arena.allocate(5)!
    regionBytes(arena.memory, slab, offset, 5).write('bytes')
    expect(Buffer.from(new Uint8Array(arena.memory, slab * SLAB_BYTES + offset, 5)).toString()).toBe('bytes')
  })
})
