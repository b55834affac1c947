import { PassThrough, Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../protocol/clock.system.ts'
import type { ActionClass } from '../action.ts'
import type { StoreClient } from '../store.ts'
import { runAction } from '../testing/index.ts'
import {
  Cache,
  Counter,
  Distinct,
  Filter,
  Histogram,
  Join,
  Merge,
  Queue,
  Sample,
  Sorter,
  Topic,
  TopK,
  WordCount,
} from './index.ts'

/** What the actions use of a store, over a map. */
function fileStore(files: Map<string, Buffer>): StoreClient {
  return {
    async stat(path: string) {
      return { type: files.has(path) ? 'file' : 'directory' }
    },
    async *list(path: string) {
      for (const name of files.keys()) if (name.startsWith(`${path}/`)) yield { name, path: name, type: 'file' }
    },
    async lookup(path: string) {
      return {
        type: 'file',
        createReadStream: () =>
          Readable.from(
            files
              .get(path)!
              .toString()
              .match(/[^]{1,7}/g)!
              .map(piece => Buffer.from(piece)),
          ),
        open: async () => ({
          size: files.get(path)!.length,
          read: async (position: number, into: Buffer) => files.get(path)!.copy(into, 0, position),
          [Symbol.asyncDispose]: async () => {},
        }),
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

  it('stays exact where billions of many values add up to more than a double holds', async () => {
    await using merge = await runAction(Merge)
    const most = 2n ** 63n - 1n
    const lines = 500_000
    await merge.write(Array.from({ length: 50 }, () => `a,${most}\nb,-${most}\n`.repeat(lines / 50)))
    const sum = BigInt.asIntN(64, most * BigInt(lines))
    expect(await merge.readText()).toBe(`a,${sum}\nb,${-sum}\n`)
  })

  it('takes zeros before a value, and the least and the greatest of 64 bits', async () => {
    await using merge = await runAction(Merge)
    const zeros = '0'.repeat(200)
    await merge.write(`a,${zeros}\nb,${zeros}12\nc,-${zeros}9223372036854775808\nd,+9223372036854775807\n`)
    expect(await merge.readText()).toBe('a,0\nb,12\nc,-9223372036854775808\nd,9223372036854775807\n')
    for (const bad of ['9223372036854775808', '-9223372036854775809', '10000000000000000000', '1x00000000000']) {
      await expect(merge.write(`a,${bad}\n`)).rejects.toMatchObject({ code: 'ACTION_FAILED' })
    }
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
  it('lets others have their turns while it sorts, and keeps the order over all pieces', async () => {
    await using sorter = await runAction(Sorter)
    const lines = Array.from({ length: 100_000 }, (_, i) => `the same beginning ${(i * 7919) % 100_003}`)
    await sorter.write(`${lines.join('\n')}\n`)
    let turns = 0
    let over = false
    const count = (): void => {
      turns++
      if (!over) systemClock.soon(count)
    }
    systemClock.soon(count)
    const chunks = sorter.chunks()
    const first = (await chunks.next()).value!
    expect(turns).toBeGreaterThan(2)
    over = true
    const rest: Buffer[] = []
    for await (const chunk of chunks) rest.push(chunk)
    expect(Buffer.concat([first, ...rest]).toString()).toBe(`${lines.sort().join('\n')}\n`)
  })

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
  const lines = [
    'one',
    'a much longer line two',
    'three two',
    '',
    'twofold',
    'ü TWO',
    '{"a":{"b":2},"two":null}',
    '{"a":{"b":[2]}}',
    'end',
  ]
  const store = fileStore(
    new Map([
      ['/d/2', Buffer.from(lines.slice(3).join('\n'))],
      ['/d/1', Buffer.from(`${lines.slice(0, 3).join('\n')}\n`)],
    ]),
  )

  it.each<[object, (line: string) => boolean]>([
    [{ substring: 'two' }, line => line.includes('two')],
    [{ substring: 'two', invert: true }, line => !line.includes('two')],
    [{ pattern: '^t[w]o' }, line => line.startsWith('two')],
    [{ pattern: 't[w]o', flags: 'i' }, line => /two/i.test(line)],
    [{ field: 'a.b' }, line => line.startsWith('{')],
    [{ field: ['a', 'b'], equals: 2 }, line => line.includes('null')],
    [{ field: 'a.b', equals: [2] }, line => line.includes('[')],
    [{ field: 'two', equals: null }, line => line.includes('null')],
    [{ field: 'a.b.c', invert: true }, () => true],
  ])('gives the lines of files that pass %j', async (params, passes) => {
    const expected = lines.filter(passes).map(line => `${line}\n`)
    for (const file of ['/d', ['/d/1', '/d/2']]) {
      await using filter = await runAction(Filter, { params: { file, ...params }, store })
      expect(await filter.readText()).toBe(expected.join(''))
    }
  })
})

describe('params that make no sense', () => {
  const refused: [ActionClass, unknown, string][] = [
    [Filter, null, 'params.file'],
    [Filter, { file: [] }, 'params.file'],
    [Filter, { file: '/f' }, 'params.substring'],
    [Filter, { file: '/f', substring: 'a', pattern: 'b' }, 'exactly one'],
    [Filter, { file: '/f', pattern: '(' }, 'params.pattern'],
    [Filter, { file: '/f', pattern: 'a', flags: 'g' }, 'params.flags'],
    [Filter, { file: '/f', substring: 'a', equals: 1 }, 'params.equals'],
    [Merge, [], 'an object'],
    [Merge, { op: 'mean' }, '"sum", "min", "max", "count"'],
    [Merge, { type: 'double' }, 'params.type'],
    [Merge, { maxBytes: 1 }, 'params.maxBytes'],
    [Merge, { operation: 'max' }, 'params.operation is unknown'],
    [Counter, { a: 1 }, 'params.a is unknown'],
    [WordCount, { caseSensitive: 'no' }, 'params.caseSensitive'],
    [Sorter, { field: 0 }, 'params.field'],
    [Sorter, { separator: 'ab' }, 'params.separator'],
    [TopK, { k: 0 }, 'params.k'],
    [Distinct, { mode: 'about' }, 'params.mode'],
    [Histogram, null, 'params.bounds'],
    [Histogram, { bounds: [1, 1] }, 'params.bounds'],
    [Histogram, { min: 2, max: 1 }, 'params.bounds'],
    [Sample, { size: 1.5 }, 'params.size'],
    [Join, { kind: 'outer' }, 'params.kind'],
    [Join, { separator: '\n' }, 'params.separator'],
    [Queue, { format: 'frames' }, 'params.format'],
    [Queue, null, 'interleaved: true'],
    [Topic, null, 'interleaved: true'],
    [Cache, { origins: ['example.org'] }, 'params.origins'],
    [Cache, { source: 'https://example.org/x' }, 'params.origins'],
  ]
  it.each(
    refused.map(([Class, params, message]) => ({ Class, name: Class.name, given: JSON.stringify(params), params, message })),
  )('are refused by $name: $given', async ({ Class, params, message }) => {
    const made = runAction(Class, { params })
    await expect(made).rejects.toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('INVALID_ARGUMENT') })
    await expect(made).rejects.toThrow(message)
  })
})

describe('a bound of memory', () => {
  const many = [...Array(100).keys()].map(i => `key ${i},1\n`)
  it.each<[string, ActionClass, string]>([
    ['Merge', Merge, ''],
    ['TopK', TopK, ''],
    ['Distinct', Distinct, ''],
    ['WordCount', WordCount, ''],
    ['Join', Join, 'left\n'],
  ])('of %s refuses what is beyond it, be it one stream or all together, and keeps the rest', async (_, Class, head) => {
    await using action = await runAction(Class, { params: { maxBytes: 3072, ...(Class === Join && { kind: 'left' }) } })
    await action.write([head, ...many.slice(0, 30)])
    const before = await action.read()
    for (const lines of [many, many.slice(30, 80)]) {
      await expect(action.write([head, ...lines])).rejects.toThrow(/NO_SPACE.*params\.maxBytes/)
      expect(await action.read()).toEqual(before)
    }
    // What is there already takes no more.
    if (Class !== Join) await action.write([head, ...many.slice(0, 30)])
  })

  it('of Join holds however many partners one record has', async () => {
    await using join = await runAction(Join)
    const count = 10_000
    await join.write(['left\n', ...Array.from({ length: count }, (_, i) => `k,${i}\n`)])
    await join.write(['right\n', `k,${'x'.repeat(100)}\n`])
    let lines = 0
    for await (const chunk of join.chunks()) {
      expect(chunk.length).toBeLessThan(128 << 10)
      lines += chunk.toString().split('\n').length - 1
    }
    expect(lines).toBe(count)
  })

  it('of Sample refuses a sample that is larger', async () => {
    await using sample = await runAction(Sample, { params: { maxBytes: 1024 } })
    await expect(sample.write('x'.repeat(2000))).rejects.toThrow(/NO_SPACE.*params\.maxBytes/)
    expect(await sample.readText()).toBe('')
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

describe('Histogram', () => {
  it('tells count, least and greatest, and about where a part of all lies', async () => {
    await using histogram = await runAction(Histogram, { params: { min: 0, max: 100, buckets: 50 } })
    expect(await histogram.call('summary')).toEqual({ count: 0, min: null, max: null })
    expect(await histogram.call('quantile', 0.5)).toBe(null)
    await histogram.write([...Array(1001).keys()].map(i => `n,${i / 10}\n`))
    expect(await histogram.call('summary')).toEqual({ count: 1001, min: 0, max: 100 })
    for (const part of [0, 0.25, 0.5, 0.99, 1]) {
      expect(Math.abs(((await histogram.call('quantile', part)) as number) - 100 * part)).toBeLessThan(0.5)
    }
    await expect(histogram.call('quantile', 2)).rejects.toThrow('from 0 to 1')
    await expect(histogram.write('1\nnan\n')).rejects.toThrow('line 2')
  })
})

describe('WordCount', () => {
  it('takes words by their case when asked to, and tells of one', async () => {
    await using words = await runAction(WordCount, { params: { caseSensitive: true } })
    await words.write(['The wh', 'ale, the Whale: ', 'ÜBER', 'all'])
    expect(await words.call('count', 'Whale')).toBe(1)
    expect(await words.call('count', 'ÜBERall')).toBe(1)
    expect(await words.call('count', 'überall')).toBe(0)
    expect(await words.call('size')).toBe(5)
    await expect(words.call('count', 'two words')).rejects.toThrow('one word')
    await expect(words.write('x'.repeat(70_000))).rejects.toThrow('longer than')
  })
})

describe('TopK', () => {
  it('counts where it is told to, and is right among many keys', async () => {
    await using top = await runAction(TopK, { params: { k: 3, by: 'count' } })
    const lines = [...Array(1000).keys()].flatMap(i => Array<string>(((i * 7919) % 1000) + 1).fill(`key ${i}\n`))
    await top.write(lines)
    const best = [...Array(1000).keys()].sort((a, b) => ((b * 7919) % 1000) - ((a * 7919) % 1000)).slice(0, 3)
    expect(await top.call('top')).toEqual(best.map((i, rank) => [`key ${i}`, `${1000 - rank}`]))
    expect(await top.call('size')).toBe(1000)
  })
})

describe('Sample', () => {
  it('takes each line as often as any other, however they come in streams', async () => {
    const taken = new Map<string, number>()
    for (let seed = 0; seed < 600; seed++) {
      await using sample = await runAction(Sample, { params: { size: 5, seed } })
      await sample.write('1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n')
      await sample.write('14\n15\n')
      await sample.write('16\n17\n18\n19\n20\n')
      const lines = (await sample.readText()).trimEnd().split('\n')
      expect(new Set(lines).size).toBe(5)
      for (const line of lines) taken.set(line, (taken.get(line) ?? 0) + 1)
      expect(await sample.call('size')).toEqual({ sampled: 5, lines: 20 })
    }
    // Each 600 times with a chance of 1/4: 150, with a standard deviation of 10.6. The seeds are given, so this is always the same.
    expect(taken.size).toBe(20)
    for (const times of taken.values()) expect(Math.abs(times - 150)).toBeLessThan(43)
  })

  it('is the same for the same seed, and differs without one', async () => {
    const lines = [...Array(1000).keys()].map(i => `${i}\n`)
    const sampled = async (params: object): Promise<string> => {
      await using sample = await runAction(Sample, { params: { size: 20, ...params } })
      await sample.write(lines)
      return await sample.readText()
    }
    expect(await sampled({ seed: 7 })).toBe(await sampled({ seed: 7 }))
    expect(await sampled({})).not.toBe(await sampled({}))
  })
})

describe('Join', () => {
  it('reads its right side from a file where that is given, and refuses a stream that does not say which side it is', async () => {
    const store = fileStore(new Map([['/right', Buffer.from('1,london\n2,rome\n1,paris')]]))
    await using join = await runAction(Join, { params: { right: '/right' }, store })
    await join.write('left\n1,ada\n3,bob\n')
    expect(await join.readText()).toBe('1,ada,london\n1,ada,paris\n')
    for (const wrong of ['', 'right\n1,x\n', '1,x\n']) {
      await expect(join.write(wrong)).rejects.toThrow('the first line')
    }
    expect(await join.call('size')).toEqual({ left: 2, right: 0 })
  })
})
