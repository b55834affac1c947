import { PassThrough, Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StoreClient } from '../store.ts'
import { runAction } from '../testing/index.ts'
import { Counter, Filter, Merge, Sorter } from './index.ts'

/** What the actions use of a store, over a map. */
function fileStore(files: Map<string, Buffer>): StoreClient {
  return {
    async lookup(path: string) {
      return {
        createReadStream: () =>
          Readable.from(
            files
              .get(path)!
              .toString()
              .match(/[^]{1,7}/g)!
              .map(piece => Buffer.from(piece)),
          ),
      }
    },
    async create(path: string) {
      const stream = new PassThrough()
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => files.set(path, Buffer.concat(chunks)))
      return { createWriteStream: () => stream }
    },
  } as unknown as StoreClient
}

async function* dying(text: string): AsyncGenerator<string> {
  yield text
  throw new Error('the worker was killed')
}

describe('Merge', () => {
  it('sums signed 64-bit integers by key as BigInt does, with wrap-around', async () => {
    const key = fc.constantFrom('a', 'b', 'ä', 'a,b', '', 'a long key that does not fit a word')
    const value = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.bigInt({ min: -1000n, max: 1000n }),
      fc.maxSafeInteger().map(BigInt),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.tuple(key, value), { maxLength: 20 }), { maxLength: 5 }), async streams => {
        await using merge = await runAction(Merge)
        const sums = new Map<string, bigint>()
        for (const entries of streams) {
          await merge.write(entries.map(([k, v]) => `${k},${v}\n`))
          for (const [k, v] of entries) sums.set(k, BigInt.asIntN(64, (sums.get(k) ?? 0n) + v))
        }
        const lines = (await merge.readText()).split('\n').slice(0, -1)
        expect(lines.toSorted()).toEqual([...sums].map(([k, v]) => `${k},${v}`).toSorted())
        expect(await merge.call('size')).toBe(sums.size)
      }),
    )
  })

  it('stays exact where a double no longer is', async () => {
    await using merge = await runAction(Merge)
    for (let i = 0; i < 2; i++) await merge.write('a,999999999999999\n'.repeat(51))
    expect(await merge.readText()).toBe(`a,${999999999999999n * 102n}\n`)
  })

  it('holds many keys', async () => {
    await using merge = await runAction(Merge)
    const lines = [...Array(20_000).keys()].map(i => `key${i * 7919},${i}`)
    await merge.write(`${lines.join('\n')}\n`)
    expect((await merge.readText()).trimEnd().split('\n').toSorted()).toEqual(lines.toSorted())
  })

  it('takes nothing of a stream that fails, and names the line that is wrong', async () => {
    await using merge = await runAction(Merge, { interleaved: true })
    await merge.write('a,1\n')
    await expect(merge.write(dying('a,5\n'))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    for (const bad of ['b', 'b,', 'b,1.5', 'b,-', '5', '', 'b,9223372036854775808', `b,${'9'.repeat(5000)}`]) {
      await expect(merge.write(`a,5\n${bad}\na,6\n`)).rejects.toMatchObject({
        code: 'ACTION_FAILED',
        message: expect.stringContaining('line 2'),
      })
    }
    expect(await merge.readText()).toBe('a,1\n')
  })
})

describe('Sorter', () => {
  it('sorts the lines of all complete streams by their bytes, and writes them to a file when asked to finish', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'ä', '漢', '🙂', '\uffff', 'abcdef'), maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(line, { maxLength: 20 }), { maxLength: 4 }), async streams => {
        const files = new Map<string, Buffer>()
        await using sorter = await runAction(Sorter, { store: fileStore(files) })
        for (const lines of streams) await sorter.write(lines.map(text => `${text}\n`))
        await sorter.write(dying('lost\n')).catch(() => {})
        const sorted = streams
          .flat()
          .map(text => Buffer.from(`${text}\n`))
          .sort((a, b) => a.subarray(0, -1).compare(b.subarray(0, -1)))
        const expected = Buffer.concat(sorted)
        expect(await sorter.read()).toEqual(expected)
        expect(await sorter.call('finish', { path: '/out' })).toEqual({ lines: sorted.length, bytes: expected.length })
        expect(files.get('/out')).toEqual(expected)
      }),
    )
  })
})

describe('Filter', () => {
  it('gives the lines of a file that contain a substring or match a pattern', async () => {
    const text = ['one', 'a much longer line two', 'three two', '', 'twofold', 'ü two', 'end'].join('\n')
    const store = fileStore(new Map([['/f', Buffer.from(text)]]))
    const expected = `${text
      .split('\n')
      .filter(line => line.includes('two'))
      .join('\n')}\n`
    for (const params of [
      { file: '/f', substring: 'two' },
      { file: '/f', pattern: 't[w]o' },
    ]) {
      await using filter = await runAction(Filter, { params, store })
      expect(await filter.readText()).toBe(expected)
    }
    await expect(runAction(Filter, { params: { file: '/f' } })).rejects.toMatchObject({ code: 'ACTION_FAILED' })
  })
})

describe('Counter', () => {
  it('counts lines and bytes of streams that have completed', async () => {
    await using counter = await runAction(Counter)
    await counter.write(['a\nb', 'c\n', 'd'], { key: 'once' })
    await counter.write(['a\nb', 'c\n', 'd'], { key: 'once' })
    await counter.write(dying('x\n')).catch(() => {})
    expect(await counter.call('value')).toEqual({ lines: 3, bytes: 6 })
    expect(await counter.readText()).toBe('3,6\n')
  })
})
