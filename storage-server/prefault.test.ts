import { describe, expect, test } from 'vitest'
import { FakeClock } from '../protocol/testing/fake-clock.ts'
import { type BlockMemory, DramStore } from './dram-store.ts'
import { PlacePool } from './place-pool.ts'
import { Prefault, type PrefaultChoice } from './prefault.ts'

const BLOCK_BYTES = 1 << 20

/** Lets everything run that waits for a turn of the loop only. */
function rest(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

interface Setup {
  readonly clock: FakeClock
  readonly pool: PlacePool<BlockMemory>
  readonly prefault: Prefault
  /** Ranges that were touched. */
  readonly touched: [number, number][]
  /** Operations that come between two looks at their number. */
  readonly load: { operations: number }
}

function setup(choice: PrefaultChoice, { count = 8, blockBytes = BLOCK_BYTES } = {}): Setup {
  const clock = new FakeClock()
  const touched: [number, number][] = []
  const store = new (class extends DramStore {
    override touch(_place: BlockMemory, offset: number, length: number): void {
      touched.push([offset, length])
    }
  })(64)
  const pool = new PlacePool(() => store.makePlace())
  const load = { operations: 0 }
  let operations = 0
  const prefault = new Prefault({
    clock,
    choice,
    store,
    pool,
    count,
    blockBytes,
    operations: () => {
      operations += load.operations
      return operations
    },
  })
  return { clock, pool, prefault, touched, load }
}

describe('memory for blocks is touched before they need it', () => {
  test('all of it, every byte once', async () => {
    const { pool, touched } = setup('all')
    await rest()
    expect(pool.ready).toBe(8)
    expect(touched.length).toBe(32)
    expect(touched.slice(0, 4)).toEqual([0, 1, 2, 3].map(piece => [piece << 18, 1 << 18]))
    // Taken and given back, it is touched already.
    const places = Array.from({ length: 8 }, () => pool.take())
    for (const place of places) pool.retire(place)
    await rest()
    expect(pool.made).toBe(8)
    expect(touched.length).toBe(32)
  })

  test('256 MiB ahead of use, and more as it is used', async () => {
    const { pool, touched } = setup('ahead', { count: 20, blockBytes: 64 << 20 })
    await rest()
    expect(pool.ready).toBe(4)
    expect(touched.length).toBe(4 * 256)
    pool.take()
    pool.take()
    await rest()
    expect([pool.ready, pool.made]).toEqual([4, 6])
  })

  test('not where it is off', async () => {
    const { pool } = setup('off')
    pool.take()
    await rest()
    expect([pool.ready, pool.made]).toEqual([0, 1])
  })

  test('of a busy server at most a piece in 10 ms', async () => {
    const { clock, touched, load } = setup('all')
    load.operations = 1
    await rest()
    const before = touched.length
    clock.advance(9)
    expect(touched.length).toBe(before)
    clock.advance(1)
    expect(touched.length).toBe(before + 1)
    clock.advance(100)
    expect(touched.length).toBe(before + 11)
    load.operations = 0
    clock.advance(10)
    await rest()
    expect(touched.length).toBe(32)
  })

  test('and no more once the server stops', async () => {
    const { clock, touched, load, prefault } = setup('all')
    load.operations = 1
    await rest()
    const before = touched.length
    prefault.stop()
    load.operations = 0
    clock.advance(1_000)
    await rest()
    expect(touched.length).toBe(before)
    expect(clock.pending).toBe(0)
  })
})
