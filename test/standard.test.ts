import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { ActionNode } from 'glider'
import { describe, expect, it, vi } from 'vitest'
import { failureOf } from './support/failure.ts'
import { itLeavesNothing, makeAction, shareCluster } from './support/shared-cluster.ts'
import { textOf, writeAll, written } from './support/streams.ts'

const shared = shareCluster({ capacity: '96MiB', slots: 8, threads: 2 })

/** A worker that is killed half-way, started again, and then repeated though it has completed. */
async function writeAsWorker(node: ActionNode, key: string, lines: readonly string[]): Promise<void> {
  const text = lines.map(line => `${line}\n`).join('')
  const half = Math.floor(text.length / 2)
  const killed = node.createWriteStream({ key })
  killed.on('error', () => {})
  await written(killed, text.slice(0, half))
  const closed = once(killed, 'close')
  killed.destroy()
  await closed
  for (let attempt = 0; attempt < 2; attempt++) {
    await writeAll(node.createWriteStream({ key }), text.slice(0, half), text.slice(half))
  }
}

const numbers = Array.from({ length: 400 }, (_, i) => (i * 7919) % 400)
const pairs = numbers.map(i => `key ${i % 13},${i}`)
const sums = new Map<string, number>()
for (const i of numbers) sums.set(`key ${i % 13}`, (sums.get(`key ${i % 13}`) ?? 0) + i)
const bySum = [...sums].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([key, sum]) => `${key},${sum}`)

interface Aggregation {
  readonly name: string
  readonly params?: object
  readonly lines: readonly string[]
  /** Of each worker's stream, by its number. */
  readonly head?: (worker: number) => string
  readonly expected: readonly string[]
}

const words = ['The', 'whale', 'the', 'sea']
const aggregations: readonly Aggregation[] = [
  { name: 'Merge', lines: pairs, expected: bySum },
  {
    name: 'Merge',
    params: { op: 'max', type: 'float' },
    lines: pairs.map(line => `${line}.5`),
    expected: [...sums.keys()].map(key => {
      const greatest = Math.max(...numbers.filter(i => `key ${i % 13}` === key))
      return `${key},${greatest}.5`
    }),
  },
  {
    name: 'WordCount',
    lines: numbers.map(i => `${words[i % 4]}!`),
    expected: ['the,200', 'whale,100', 'sea,100'],
  },
  { name: 'Sorter', lines: numbers.map(String), expected: numbers.map(String).sort() },
  { name: 'TopK', params: { k: 3 }, lines: pairs, expected: bySum.slice(0, 3) },
  { name: 'Distinct', lines: numbers.map(i => `${i % 7}`), expected: '0123456'.split('') },
  { name: 'Distinct', params: { mode: 'estimate' }, lines: numbers.map(i => `${i % 7}`), expected: ['7'] },
  {
    name: 'Histogram',
    params: { bounds: [100, 300] },
    lines: pairs,
    expected: ['-Infinity,100,100', '100,300,200', '300,Infinity,100'],
  },
  { name: 'Sample', params: { size: 400 }, lines: numbers.map(String), expected: numbers.map(String) },
  {
    name: 'Join',
    lines: numbers.map(i => `${i},x`),
    head: worker => (worker % 2 === 0 ? 'left' : 'right'),
    // Workers 0 and 1 have the same lines, and so have 2 and 3.
    expected: numbers.filter((_, at) => at % 2 === 0).map(i => `${i},x,x`),
  },
  {
    name: 'Counter',
    lines: numbers.map(() => 'x'),
    expected: ['400,800'],
  },
]

const modes = [false, true].flatMap(interleaved => aggregations.map(one => ({ ...one, interleaved, given: one.params ?? {} })))

describe('every aggregation', () => {
  it.each(modes)(
    '$name $given counts workers that were killed half-way and repeated once (interleaved: $interleaved)',
    async one => {
      const { name, params, lines, head, expected, interleaved } = one
      await shared.withAction(`std/${name}`, { interleaved, ...(params && { params }) }, async node => {
        const workers = [0, 1, 2, 3].map(async worker => {
          const own = head
            ? lines.filter((_, at) => at % 2 === 0 && at % 4 === (worker & 2))
            : lines.filter((_, at) => at % 4 === worker)
          await writeAsWorker(node, `worker ${worker}`, head ? [head(worker), ...own] : own)
        })
        await Promise.all(workers)
        const ordered = ['Sorter', 'TopK', 'Histogram'].includes(name)
        const got = (await textOf(node.createReadStream())).trimEnd().split('\n')
        expect(ordered ? got : got.sort()).toEqual(ordered ? expected : [...expected].sort())
      })
    },
  )

  it('shows nothing of a stream that is under way', async () => {
    await shared.withAction('std/Merge', { interleaved: true }, async node => {
      await writeAll(node.createWriteStream(), 'a,1\n')
      const open = node.createWriteStream()
      await written(open, 'a,5\n')
      expect(await textOf(node.createReadStream())).toBe('a,1\n')
      await writeAll(open, 'a,2\n')
      expect(await textOf(node.createReadStream())).toBe('a,8\n')
    })
  })
})

describe('Sorter', () => {
  const lines = Array.from({ length: 60_000 }, (_, i) => `${(i * 7919) % 60_000} ${'x'.repeat(i % 40)}`)
  const sorted = lines
    .toSorted()
    .map(line => `${line}\n`)
    .join('')
  const runsOf = async (node: ActionNode): Promise<number> => {
    let runs = 0
    const name = `/.${node.path.slice(1)}.runs`
    if (!(await shared.store.exists(name))) return 0
    for await (const { type } of shared.store.list(name)) if (type === 'file') runs++
    return runs
  }

  it.each([false, true])('spills what is beyond its memory to the store, and merges it (interleaved: %s)', async interleaved => {
    const { store } = shared
    await shared.withAction('std/Sorter', { interleaved, params: { memoryBytes: 512 << 10 } }, async node => {
      await Promise.all(
        [0, 1, 2].map(worker =>
          writeAsWorker(
            node,
            `${worker}`,
            lines.filter((_, at) => at % 3 === worker),
          ),
        ),
      )
      expect(await runsOf(node)).toBeGreaterThan(3)
      expect(await textOf(node.createReadStream())).toBe(sorted)
      expect(await node.call('finish', { path: '/sorted' })).toEqual({ lines: lines.length, bytes: sorted.length })
      expect((await store.get('/sorted')).toString()).toBe(sorted)
      await store.delete('/sorted')
      expect(await node.call('size')).toEqual({ lines: lines.length, bytes: sorted.length })
    })
    const left: string[] = []
    for await (const { name } of store.list('/')) left.push(name)
    expect(left).toEqual([])
  })

  it('merges many runs, more than are read at a time, while others read', async () => {
    await shared.withAction('std/Sorter', { interleaved: true, params: { memoryBytes: 8 << 10 } }, async node => {
      const some = lines.slice(0, 16_000)
      for (let at = 0; at < some.length; at += 200) await writeAll(node.createWriteStream(), some.slice(at, at + 200).join('\n'))
      const before = await runsOf(node)
      expect(before).toBeGreaterThan(64)
      const expected = some
        .toSorted()
        .map(line => `${line}\n`)
        .join('')
      for (const text of await Promise.all([0, 1, 2].map(() => textOf(node.createReadStream())))) expect(text).toBe(expected)
      expect(await runsOf(node)).toBeLessThan(65)
    })
  })

  it('leaves no run of a stream that fails', async () => {
    await shared.withAction('std/Sorter', { params: { memoryBytes: 64 << 10 } }, async node => {
      const killed = node.createWriteStream()
      killed.on('error', () => {})
      killed.write(`${lines.slice(0, 40_000).join('\n')}\n`)
      await vi.waitFor(async () => expect(await runsOf(node)).toBeGreaterThan(1), 20_000)
      killed.destroy()
      await vi.waitFor(async () => expect(await runsOf(node)).toBe(0), 20_000)
      expect(await node.call('size')).toEqual({ lines: 0, bytes: 0 })
    })
  })

  it('goes on sorting when its directory is moved', async () => {
    const { store } = shared
    await store.create('/old/at', 'directory', { parents: true })
    const node = await makeAction(store, '/old/at/sorter', 'std/Sorter', { params: { memoryBytes: 64 << 10 } })
    await writeAll(node.createWriteStream(), `${lines.slice(0, 30_000).join('\n')}\n`)
    await store.rename('/old/at', '/new')
    await writeAll(node.createWriteStream(), lines.slice(30_000).join('\n'))
    expect(await textOf(node.createReadStream())).toBe(sorted)
    await node.delete()
    expect(await store.exists('/new/.sorter.runs')).toBe(false)
    for (const path of ['/old', '/new']) await store.delete(path, { recursive: true })
  })

  it('takes nothing of a stream for whose runs the store has no room, and goes on', async () => {
    await shared.withAction('std/Sorter', { params: { memoryBytes: 1 << 20 } }, async node => {
      await writeAll(node.createWriteStream(), 'b\na\n')
      const large = Buffer.alloc(1 << 20, `${'y'.repeat(99)}\n`)
      const failure = await failureOf(writeAll(node.createWriteStream(), ...Array<Buffer>(130).fill(large)))
      expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('NO_SPACE') })
      await vi.waitFor(async () => expect(await runsOf(node)).toBe(0), 20_000)
      expect(await textOf(node.createReadStream())).toBe('a\nb\n')
    })
  })
})

describe('Filter', () => {
  it('reads files below a directory through the action, and no more', async () => {
    const { store } = shared
    const line = (i: number): string => JSON.stringify({ level: i % 100 === 0 ? 'error' : 'info', at: { i } })
    for (const part of [0, 1]) {
      await store.put(`/logs/${part}/log`, Array.from({ length: 20_000 }, (_, i) => line(part * 20_000 + i)).join('\n'), {
        parents: true,
      })
    }
    await shared.withAction('std/Filter', { params: { file: '/logs', field: 'level', equals: 'error' } }, async node => {
      const expected = Array.from({ length: 400 }, (_, i) => `${line(i * 100)}\n`).join('')
      const before = store.counters().bytesReceived
      expect(await textOf(node.createReadStream())).toBe(expected)
      expect(store.counters().bytesReceived - before).toBe(expected.length)
      expect((await failureOf(writeAll(node.createWriteStream(), 'x'))).code).toBe('INVALID_ARGUMENT')
    })
    await store.delete('/logs', { recursive: true })
  })
})

/** The lines of a reader as they come. */
function collect(stream: Readable): { lines: string[]; end: Promise<void> } {
  const lines: string[] = []
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop()!
    lines.push(...parts)
  })
  return { lines, end: once(stream, 'end').then(() => {}) }
}

describe('Queue', () => {
  it('gives each message of workers that were killed and repeated to one of its readers, once', async () => {
    await shared.withAction('std/Queue', { interleaved: true }, async node => {
      const readers = [0, 1, 2].map(() => collect(node.createReadStream()))
      const lines = Array.from({ length: 8000 }, (_, i) => `message ${i}`)
      await Promise.all(
        [0, 1, 2, 3].map(worker =>
          writeAsWorker(
            node,
            `${worker}`,
            lines.filter((_, at) => at % 4 === worker),
          ),
        ),
      )
      await node.call('close')
      await Promise.all(readers.map(({ end }) => end))
      expect(readers.flatMap(reader => reader.lines).sort()).toEqual([...lines].sort())
    })
  })

  it('goes on for the others when a reader dies that has messages by call', async () => {
    await shared.withAction('std/Queue', { interleaved: true, params: { takenMs: 50 } }, async node => {
      await writeAll(node.createWriteStream(), 'a\nb\nc\n')
      const taken = await node.call('take', { max: 2 })
      expect(taken).toMatchObject({ messages: ['a', 'b'] })
      await node.call('close')
      // Nobody confirms them.
      const { lines, end } = collect(node.createReadStream())
      await end
      expect(lines.sort()).toEqual(['a', 'b', 'c'])
    })
  })

  it('holds up its writers while it is full', async () => {
    await shared.withAction('std/Queue', { interleaved: true, params: { maxBytes: 64 << 10, streaming: true } }, async node => {
      const lines = Array.from({ length: 200_000 }, (_, i) => `message ${i}`)
      let finished = false
      const writing = writeAll(node.createWriteStream(), `${lines.join('\n')}\n`).then(() => {
        finished = true
      })
      await vi.waitFor(async () => {
        expect(((await node.call('size')) as { waiting: number }).waiting).toBeGreaterThan(500)
      }, 20_000)
      expect(finished).toBe(false)
      const reader = collect(node.createReadStream())
      await writing
      await node.call('close')
      await reader.end
      expect(reader.lines).toEqual(lines)
    })
  })
})

describe('Topic', () => {
  it('gives every reader every message of workers that were killed and repeated, once', async () => {
    await shared.withAction('std/Topic', { interleaved: true }, async node => {
      const readers = [0, 1, 2].map(() => collect(node.createReadStream()))
      await vi.waitFor(async () => expect(await node.call('size')).toMatchObject({ readers: 3 }), 20_000)
      const lines = Array.from({ length: 4000 }, (_, i) => `message ${i}`)
      await Promise.all(
        [0, 1].map(worker =>
          writeAsWorker(
            node,
            `${worker}`,
            lines.filter((_, at) => at % 2 === worker),
          ),
        ),
      )
      await node.call('close')
      for (const { lines: got, end } of readers) {
        await end
        expect(got.toSorted()).toEqual([...lines].sort())
        expect(got).toEqual(readers[0]!.lines)
      }
    })
  })
})

describe('Cache', () => {
  it('keeps copies of files and of what other actions give', async () => {
    const { store } = shared
    await store.put('/config', 'first')
    await shared.withAction('std/Counter', {}, async counter => {
      await shared.withAction('std/Cache', { interleaved: true, params: { source: '/config' } }, async cache => {
        expect(await textOf(cache.createReadStream())).toBe('first')
        await store.put('/config', 'second')
        expect(await cache.call('get', '/config')).toBe('first')
        await cache.call('invalidate', '/config')
        expect(await textOf(cache.createReadStream())).toBe('second')
        expect(await cache.call('get', { source: counter.path })).toBe('0,0\n')
        expect(await cache.call('stats')).toMatchObject({ entries: 2, hits: 1, misses: 3 })
      })
    })
    await store.delete('/config')
  })
})

itLeavesNothing(shared)
