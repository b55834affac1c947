import { finished, pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOf, expectNothingLeft, someBytes, withCluster } from './store.test.helper.ts'

const fixture = withCluster({ blockSize: '128KiB' })
const MIB = 1 << 20

/** Bytes that tell their part and their place in it, wherever they are cut apart. */
function partOf(number: number, words: number): Buffer {
  const part = Buffer.alloc(8 * words)
  for (let i = 0; i < words; i += 1) part.writeUInt32LE(number, part.writeUInt32LE(i, i * 8))
  return part
}

/** Words by part; fails where the bytes of a part are not in order, or twice there. */
function partsIn(bytes: Buffer): Map<number, number> {
  const parts = new Map<number, number>()
  expect(bytes.length % 8).toBe(0)
  for (let at = 0; at < bytes.length; at += 8) {
    const number = bytes.readUInt32LE(at + 4)
    const place = parts.get(number) ?? 0
    if (bytes.readUInt32LE(at) !== place) expect([number, bytes.readUInt32LE(at)]).toEqual([number, place])
    parts.set(number, place + 1)
  }
  return parts
}

test('an aborted part and an empty one leave no block behind', async () => {
  const { store } = fixture
  const bag = await store.create('/b', 'bag')
  const aborted = bag.append()
  aborted.on('error', () => {}).write(someBytes(3 * MIB))
  aborted.destroy(new Error('not any more'))
  await finished(aborted).catch(() => {})
  await pipeline([], bag.append())
  for (const part of ['there', 'as well']) await pipeline([Buffer.from(part)], bag.append())
  expect(await store.usage()).toMatchObject({ nodes: 1, storedBytes: 12, blocks: 2, slots: 0 })
  await expectNothingLeft(fixture)
})

test('parts of many sizes are read across their borders, their bytes in order', async () => {
  const { store } = fixture
  const bag = await store.create('/b', 'bag')
  const words = [1, 65_536, 65_537, 131_072, 131_073, 400_000, 7]
  await Promise.all(words.map((count, number) => pipeline([partOf(number, count)], bag.append())))
  expect([...partsIn(await bytesOf(bag.createReadStream()))].sort(([a], [b]) => a - b)).toEqual([...words.entries()])
  await expectNothingLeft(fixture)
})

test('of concurrent writers, some of which abort, exactly the committed parts are there', async () => {
  const { store } = fixture
  const writer = fc.record({ words: fc.nat(40_000), pieces: fc.integer({ min: 1, max: 4 }), aborts: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(writer, { maxLength: 24 }), async writers => {
      const bag = await store.create('/b', 'bag')
      const expected = new Map<number, number>()
      const writing = writers.map(async ({ words, pieces, aborts }, number) => {
        const stream = bag.append()
        stream.on('error', () => {})
        const part = partOf(number, words)
        const length = Math.ceil(part.length / pieces)
        for (let i = 0; i < pieces; i += 1) {
          const piece = part.subarray(i * length, (i + 1) * length)
          if (!stream.write(piece)) await new Promise(resolve => stream.once('drain', resolve))
        }
        if (aborts) stream.destroy()
        else stream.end()
        await finished(stream).catch(() => {})
        if (!aborts && words > 0) expected.set(number, words)
      })
      const early = bytesOf(bag.createReadStream())
      await Promise.all(writing)
      for (const [number, words] of partsIn(await early)) expect(expected.get(number)).toBe(words)
      expect(partsIn(await bytesOf(bag.createReadStream()))).toEqual(expected)
      await expectNothingLeft(fixture)
    }),
    { numRuns: 20 },
  )
})
