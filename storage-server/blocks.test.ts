import { describe, expect, test } from 'vitest'
import { storageKinds } from './config.ts'
import { BLOCK_BYTES, codeOf, locate, TestServer } from './store.test.helper.ts'

const ours = Buffer.alloc(1000, 'a')
const theirs = Buffer.alloc(1000, 'b')

describe.each(storageKinds)('blocks on %s', kind => {
  test('what was written is read, in any parts of it', async () => {
    await using server = await TestServer.start(kind)
    const whole = Buffer.from(Array.from({ length: BLOCK_BYTES }, (_, i) => i % 251))
    await Promise.all(
      [0, 1, 2, 3].map(part => server.write(locate(0, 1), part << 14, whole.subarray(part << 14, (part + 1) << 14))),
    )
    expect((await server.read(locate(0, 1, 'read'), 0, BLOCK_BYTES)).equals(whole)).toBe(true)
    expect((await server.read(locate(0, 1), 16_000, 3000)).equals(whole.subarray(16_000, 19_000))).toBe(true)
    expect(server.blocks.held).toBe(1)
  })

  test('blocks do not touch each other', async () => {
    await using server = await TestServer.start(kind, 20)
    const blocks = Array.from({ length: 20 }, (_, i) => i)
    await Promise.all(blocks.map(i => server.write(locate(i, i + 1), 0, Buffer.alloc(BLOCK_BYTES, i))))
    for (const i of blocks) expect((await server.read(locate(i, i + 1), 0, BLOCK_BYTES)).every(byte => byte === i)).toBe(true)
  })

  test('what this generation never wrote is BLOCK_GONE', async () => {
    await using server = await TestServer.start(kind)
    await server.write(locate(0, 1), 0, ours)
    expect(await codeOf(() => server.read(locate(0, 1), 500, 501))).toBe('BLOCK_GONE')
    expect(await codeOf(() => server.read(locate(0, 2), 0, 1))).toBe('BLOCK_GONE')
    expect(await codeOf(() => server.read(locate(1, 3), 0, 1))).toBe('BLOCK_GONE')
  })

  test('a stale reader is BLOCK_GONE, and never sees bytes of the next owner', async () => {
    await using server = await TestServer.start(kind)
    await server.write(locate(0, 1), 0, ours)
    const stale = locate(0, 1, 'read')
    expect(await server.read(stale, 0, 1000)).toEqual(ours)
    await server.write(locate(0, 2), 0, theirs)
    expect(await codeOf(() => server.read(stale, 0, 1000))).toBe('BLOCK_GONE')
    expect(await codeOf(() => server.write(locate(0, 1), 0, ours))).toBe('BLOCK_GONE')
    expect(await server.read(locate(0, 2), 0, 1000)).toEqual(theirs)
  })

  test('everything on a freed block is gone until a higher generation; an older free says nothing', async () => {
    await using server = await TestServer.start(kind)
    await server.write(locate(0, 5), 0, ours)
    server.blocks.free(0, { epoch: 1, counter: 4 })
    expect(await server.read(locate(0, 5), 0, 1000)).toEqual(ours)
    server.blocks.free(0, { epoch: 1, counter: 5 })
    expect(server.blocks.held).toBe(0)
    expect(await codeOf(() => server.read(locate(0, 5), 0, 1000))).toBe('BLOCK_GONE')
    expect(await codeOf(() => server.write(locate(0, 5), 0, ours))).toBe('BLOCK_GONE')
    await server.write(locate(0, 6), 0, theirs)
    server.blocks.freeUpTo(server.blocks.newest)
    expect(await codeOf(() => server.read(locate(0, 6), 0, 1000))).toBe('BLOCK_GONE')
  })

  test('a write that arrives after its block went to another is BLOCK_GONE and changes nothing of it', async () => {
    await using server = await TestServer.start(kind)
    const late = server.beginWrite(locate(0, 1), 0, 1000)
    await server.write(locate(0, 2), 0, theirs)
    expect(await codeOf(() => late.finish(ours))).toBe('BLOCK_GONE')
    expect(await server.read(locate(0, 2), 0, 1000)).toEqual(theirs)
  })

  test('a read that began before its block went to another ends with its own bytes', async () => {
    await using server = await TestServer.start(kind)
    await server.write(locate(0, 1), 0, ours)
    const begun = server.beginRead(locate(0, 1), 0, 1000)
    await server.write(locate(0, 2), 0, theirs)
    await server.write(locate(1, 3), 0, theirs)
    expect(await begun()).toEqual(ours)
  })

  test('an abandoned write leaves nothing, and its place is used again', async () => {
    await using server = await TestServer.start(kind, 1)
    for (let counter = 1; counter < 10; counter++) {
      server.beginWrite(locate(0, counter), 0, 1000).abandon()
      expect(await codeOf(() => server.read(locate(0, counter), 0, 1))).toBe('BLOCK_GONE')
    }
    await server.write(locate(0, 10), 0, ours)
    expect(await server.read(locate(0, 10), 0, 1000)).toEqual(ours)
  })

  test('locations of others are refused: of another incarnation, purpose, range, or without proof', async () => {
    await using server = await TestServer.start(kind)
    expect(await codeOf(() => server.write(locate(0, 1, 'write', 'mnopqrstuvwx'), 0, ours))).toBe('BLOCK_GONE')
    expect(await codeOf(() => server.write(locate(0, 1, 'read'), 0, ours))).toBe('FORBIDDEN')
    expect(await codeOf(() => server.write(locate(0, 1), BLOCK_BYTES - 999, ours))).toBe('INVALID_ARGUMENT')
    const forged = Buffer.from(locate(0, 1))
    forged[forged.length - 1]! ^= 1
    expect(await codeOf(() => server.write(forged, 0, ours))).toBe('FORBIDDEN')
    expect(server.blocks.held).toBe(0)
  })

  test('owners that come and go at random, with operations under way, only ever read their own bytes', async () => {
    await using server = await TestServer.start(kind, 3)
    let counter = 0
    let seed = 1
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    const own = async (): Promise<void> => {
      const mine = ++counter
      const location = locate(random(3), mine)
      const bytes = Buffer.alloc(4096, `${mine};`)
      try {
        await server.write(location, 0, bytes)
        for (let i = 0; i < 3; i++) expect(await server.read(location, 0, 4096)).toEqual(bytes)
      } catch (error) {
        // Another owner came meanwhile.
        expect(error).toHaveProperty('code', 'BLOCK_GONE')
      }
    }
    for (let round = 0; round < 25; round++) await Promise.all(Array.from({ length: 8 }, own))
  })
})
