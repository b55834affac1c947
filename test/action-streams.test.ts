import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { type ActionNode, StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { beforeAll, describe, expect, it } from 'vitest'
import { failureOf } from './support/failure.ts'
import { itLeavesNothing, makeAction, shareCluster } from './support/shared-cluster.ts'
import { bytesOf, ended, errorOf, textOf, writeAll, written } from './support/streams.ts'

const KiB = 1 << 10
const shared = shareCluster({ capacity: '32MiB', slots: 12, threads: 2 })
let gate: ActionNode

beforeAll(async () => {
  await shared.deployFixtures('probes')
  gate = await makeAction(shared.store, '/gate', 'Gate', { interleaved: true })
})

const arrived = (name: string, count = 1): Promise<unknown> => gate.call('arrived', { name, count })

async function firstChunk(stream: Readable): Promise<Buffer> {
  await once(stream, 'readable')
  return stream.read() as Buffer
}

describe('each opened stream runs its hook once', () => {
  it('also when no byte follows', async () => {
    await shared.withAction('Notebook', {}, async node => {
      await ended(node.createWriteStream())
      expect((await bytesOf(node.createReadStream())).length).toBe(0)
      const writer = await node.openWriter()
      await writer.close()
      expect(await node.call('events')).toEqual(['created', 'write', 'read', 'write'])
    })
  })

  it('as soon as it is opened', async () => {
    await shared.withAction('Waiter', { interleaved: true, params: { write: 'opened', read: 'opened' } }, async node => {
      const writer = node.createWriteStream()
      const reader = node.createReadStream()
      await arrived('opened', 2)
      await gate.call('open', 'opened')
      await ended(writer)
      expect(await textOf(reader)).toBe('read')
    })
  })

  it('whatever chunks the bytes come in', async () => {
    await shared.withAction('Notebook', {}, async node => {
      const text = 'ä漢🙂'.repeat(200_000)
      const bytes = Buffer.from(text)
      const pieces = [0, 1, 2, 5, 70_001, 500_003, bytes.length]
      await writeAll(node.createWriteStream(), ...pieces.slice(1).map((end, i) => bytes.subarray(pieces[i], end)))
      expect(await node.call('text').catch(() => 'too long for a call')).toBe('too long for a call')
      expect(await textOf(node.createReadStream())).toBe(text)
    })
  })
})

describe('an action', () => {
  it('takes 4,096 streams at a time, from all clients together', { timeout: 60_000 }, async () => {
    await shared.withAction('Waiter', { params: { write: 'crowd' } }, async node => {
      const clients = await Promise.all([shared.connect(), shared.connect()])
      const nodes = await Promise.all(clients.map(client => client.lookup(node.path, 'action')))
      const writers = await Promise.all(nodes.flatMap(one => Array.from({ length: 2048 }, () => one.openWriter())))
      const failure = await failureOf(node.openWriter())
      expect(failure).toMatchObject({ code: 'BUSY', message: expect.stringMatching(/4096 streams open.*--max-action-streams/) })
      expect(failure.message).toContain(node.path)
      await gate.call('open', 'crowd')
      for (const writer of writers) writer.abort()
      await Promise.all(clients.map(client => client.close()))
      // As soon as the server has heard of it.
      let next = await node.openWriter().catch(() => undefined)
      while (!next) next = await node.openWriter().catch(() => undefined)
      next.abort()
    })
  })
})

describe('a server that is told how many streams an action may have', () => {
  it('takes no more, be they written, read or sent whole', async () => {
    process.env['GLIDER_MAX_ACTION_STREAMS'] = '2'
    await using cluster = await LocalCluster.start({ storageServers: 0, threads: 1, slots: 2, logLevel: 'silent' })
    delete process.env['GLIDER_MAX_ACTION_STREAMS']
    await using store = await StoreClient.connect(cluster.address)
    const node = await makeAction(store, '/merge', 'std/Merge', { interleaved: true })
    const writers = [await node.openWriter(), await node.openWriter()]
    const busy = { code: 'BUSY', message: expect.stringMatching(/\/merge.* 2 streams open.*--max-action-streams/) }
    expect(await failureOf(node.openWriter())).toMatchObject(busy)
    expect(await failureOf(bytesOf(node.createReadStream()))).toMatchObject(busy)
    expect(await failureOf(writeAll(node.createWriteStream(), 'a,1\n'))).toMatchObject(busy)
    await writers[0]!.close()
    for (let turn = 0; turn < 5; turn++) await writeAll(node.createWriteStream(), 'a,1\n')
    expect(await textOf(node.createReadStream())).toBe('a,5\n')
    await writers[1]!.close()
  })
})

describe('a client that is closed', () => {
  it('does not know what becomes of what it has under way', async () => {
    const client = await shared.connect()
    const node = await client.lookup(gate.path, 'action')
    const passing = failureOf(node.call('pass', 'never'))
    await node.call('arrived', { name: 'never', count: 1 })
    await client.close()
    expect(await passing).toMatchObject({ code: 'UNAVAILABLE', outcome: 'unknown' })
    await gate.call('open', 'never')
  })
})

describe('a write stream', () => {
  it('finishes only when onWrite has returned', async () => {
    await shared.withAction('Waiter', { params: { write: 'finish' } }, async node => {
      const writer = node.createWriteStream()
      let finished = false
      const end = ended(writer).then(() => {
        finished = true
      })
      await arrived('finish')
      await shared.store.exists('/')
      expect(finished).toBe(false)
      await gate.call('open', 'finish')
      await end
    })
  })

  it('whose hook returns early finishes, and the rest is discarded', async () => {
    await shared.withAction('EarlyReturn', {}, async node => {
      await writeAll(node.createWriteStream(), ...Array.from({ length: 64 }, () => Buffer.alloc(128 * KiB)))
      expect(await node.call('kept')).toBe('INVALID_ARGUMENT')
      await writeAll(node.createWriteStream(), 'again')
    })
  })

  it('whose hook throws fails with message and stack, without being written to again', async () => {
    await shared.withAction('Thrower', { params: { at: 'write' } }, async node => {
      const writer = node.createWriteStream()
      writer.write('x')
      const failure = await errorOf(writer)
      expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('onWrite has had enough') })
      expect(failure.stack).toMatch(/probes\.ts:\d+/)
    })
  })

  it('that dies makes the input throw, never end', async () => {
    await shared.withAction('Waiter', { interleaved: true }, async node => {
      let streams = 0
      /** Of a stream that dies before its turn no hook would know. */
      const begun = async (): Promise<void> => {
        streams++
        const begins = (lines: string[]): number => lines.filter(line => line === 'write begins').length
        while (begins((await node.call('lines')) as string[]) < streams);
      }
      for (const reason of [undefined, new Error('enough')]) {
        const writer = node.createWriteStream()
        writer.on('error', () => {})
        await written(writer, 'half of it')
        await begun()
        writer.destroy(reason)
        const direct = await node.openWriter()
        await direct.write(Buffer.from('half of it'))
        await begun()
        direct.abort()
      }
      const other = await shared.connect()
      const lost = (await other.lookup(node.path, 'action')).createWriteStream().on('error', () => {})
      await written(lost, 'half of it')
      await begun()
      await other.close()
      let log: string[] = []
      while (log.filter(line => line.startsWith('write fails')).length < 5) log = (await node.call('lines')) as string[]
      expect(log.filter(line => line.startsWith('write ends'))).toEqual([])
    })
  })

  it('to an action that does not read is held at most its credit', async () => {
    await shared.withAction('Waiter', { params: { write: 'credit' } }, async node => {
      const writer = await node.openWriter()
      const piece = Buffer.alloc(16 * KiB)
      let taken = 0
      const writes = Array.from({ length: 64 }, () => writer.write(piece).then(() => taken++))
      await arrived('credit')
      await Promise.all(writes.slice(0, 4))
      // Whatever was sent has been taken by the time that a later request to the same thread is answered.
      for (let i = 0; i < 5; i++) await shared.store.exists('/')
      await gate.call('open', 'somebody else')
      expect(taken * piece.length).toBe(64 * KiB)
      await gate.call('open', 'credit')
      await Promise.all(writes)
      await writer.close()
      expect(await node.call('lines')).toContain(`write ends ${64 * piece.length}`)
    })
  })

  it('holds its own writer back as well', async () => {
    await shared.withAction('Waiter', { params: { write: 'buffered' } }, async node => {
      const writer = node.createWriteStream()
      await arrived('buffered')
      let accepted = 0
      while (writer.write(Buffer.alloc(64 * KiB))) accepted++
      expect(accepted).toBeLessThan(100)
      await gate.call('open', 'buffered')
      await once(writer, 'drain')
      await ended(writer)
    })
  })

  it('waits in line with 200 others on a serial action', async () => {
    await shared.withAction('Notebook', {}, async node => {
      await Promise.all(Array.from({ length: 200 }, (_, i) => writeAll(node.createWriteStream(), `${i}\n`)))
      const lines = (await textOf(node.createReadStream())).trimEnd().split('\n').map(Number)
      expect(lines.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i))
    })
  })
})

describe('a read stream', () => {
  it('gives the bytes before a throw, then ACTION_FAILED', async () => {
    await shared.withAction('Thrower', { params: { at: 'read' } }, async node => {
      const chunks: Buffer[] = []
      const failure = await failureOf(
        (async () => {
          for await (const chunk of node.createReadStream()) chunks.push(chunk as Buffer)
        })(),
      )
      expect(Buffer.concat(chunks).toString()).toBe('before the throw')
      expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('onRead has had enough') })
      expect(failure.stack).toMatch(/probes\.ts:\d+/)
      const reader = await node.openReader()
      const buffer = Buffer.alloc(100)
      expect(buffer.toString('utf8', 0, await reader.read(buffer))).toBe('before the throw')
      expect((await failureOf(reader.read(buffer))).code).toBe('ACTION_FAILED')
    })
  })

  it('gives lent memory back when it has left, and refuses to lend what is not shared', async () => {
    for (const [pieceBytes, pieces] of [
      [1000, 300],
      [3 << 20, 12],
    ] as const) {
      await shared.withAction('Lender', { params: { pieceBytes, pieces } }, async node => {
        const bytes = await bytesOf(node.createReadStream())
        expect(bytes.length).toBe(pieceBytes * pieces)
        const expected = Buffer.alloc(pieceBytes)
        for (let piece = 0; piece < pieces; piece++) {
          expect(bytes.subarray(piece * pieceBytes, (piece + 1) * pieceBytes).equals(expected.fill(piece))).toBe(true)
        }
      })
    }
    await shared.withAction('Lender', { params: { pieceBytes: 10, pieces: 1, plain: true } }, async node => {
      const failure = await failureOf(bytesOf(node.createReadStream()))
      expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('SharedArrayBuffer') })
    })
  })

  it('fills the buffers of direct reads in order, whatever their sizes and however many wait', async () => {
    const [pieceBytes, pieces] = [300_001, 20]
    await shared.withAction('Lender', { params: { pieceBytes, pieces } }, async node => {
      for (const sizes of [[1 << 20], [70_000, 1 << 20, 5, 262_144], [4 << 20, 100], [99_999]]) {
        const reader = await node.openReader()
        const taken: Buffer[] = []
        let index = 0
        const worker = async (): Promise<void> => {
          for (;;) {
            const buffer = Buffer.alloc(sizes[index % sizes.length]!)
            const place = index++
            const bytes = await reader.read(buffer)
            if (bytes === 0) return
            taken[place] = buffer.subarray(0, bytes)
          }
        }
        await Promise.all([worker(), worker(), worker()])
        const bytes = Buffer.concat(taken.filter(part => part !== undefined))
        expect(bytes.length).toBe(pieceBytes * pieces)
        const expected = Buffer.alloc(pieceBytes)
        for (let piece = 0; piece < pieces; piece++) {
          expect(bytes.subarray(piece * pieceBytes, (piece + 1) * pieceBytes).equals(expected.fill(piece))).toBe(true)
        }
        await reader.close()
      }
    })
  })

  it('may be endless; a reader that leaves makes the next write reject', async () => {
    await shared.withAction('Endless', { interleaved: true }, async node => {
      const reader = node.createReadStream()
      let bytes = 0
      for await (const chunk of reader) {
        bytes += (chunk as Buffer).length
        if (bytes > 20 << 20) break
      }
      const direct = await node.openReader()
      expect(await direct.read(Buffer.alloc(1000))).toBe(1000)
      await direct.close()
      const other = await shared.connect()
      await firstChunk((await other.lookup(node.path, 'action')).createReadStream().on('error', () => {}))
      await other.close()
      expect(((await node.call('left', 3)) as string[]).length).toBe(3)
    })
  })

  it('is cancelled by its signal', async () => {
    await shared.withAction('Endless', { interleaved: true }, async node => {
      const abort = new AbortController()
      const reader = node.createReadStream({ signal: abort.signal })
      await firstChunk(reader)
      const failure = errorOf(reader)
      abort.abort()
      expect((await failure).code).toBe('CANCELLED')
      expect((await errorOf(node.createReadStream({ signal: AbortSignal.abort() }))).code).toBe('CANCELLED')
      expect((await errorOf(node.createWriteStream({ signal: AbortSignal.abort() }))).code).toBe('CANCELLED')
      expect((await failureOf(node.openReader({ signal: AbortSignal.abort() }))).code).toBe('CANCELLED')
      await node.call('left', 1)
    })
  })
})

describe('direct streams', () => {
  it('keep the order of any number of outstanding writes and reads', async () => {
    await shared.withAction('Notebook', {}, async node => {
      const writer = await node.openWriter()
      const pieces = Array.from({ length: 500 }, (_, i) => Buffer.from(`${i},`.repeat(1 + (i % 300))))
      await Promise.all(pieces.map(piece => writer.write(piece)))
      await writer.close()
      expect((await failureOf(writer.write(Buffer.from('x')))).code).toBe('INVALID_ARGUMENT')
      const expected = Buffer.concat(pieces)
      const reader = await node.openReader()
      const buffers = Array.from({ length: 3000 }, (_, i) => Buffer.alloc(1 + (i % 1009)))
      const counts = await Promise.all(buffers.map(buffer => reader.read(buffer)))
      const got = Buffer.concat(buffers.map((buffer, i) => buffer.subarray(0, counts[i])))
      expect(got.equals(expected)).toBe(true)
      expect(counts.at(-1)).toBe(0)
      expect(await reader.read(Buffer.alloc(1))).toBe(0)
      await reader.close()
    })
  })

  it('are closed by `await using`', async () => {
    await shared.withAction('Notebook', {}, async node => {
      {
        await using writer = await node.openWriter()
        await writer.write(Buffer.from('using'))
      }
      expect(await node.call('text')).toBe('using')
      await using reader = await node.openReader()
      expect(await reader.read(Buffer.alloc(10))).toBe(5)
    })
  })
})

describe('a key', () => {
  it('makes a stream count once', async () => {
    await shared.withAction('std/Counter', {}, async node => {
      for (let i = 0; i < 3; i++) await writeAll(node.createWriteStream({ key: 'task-1' }), 'a\nb\n')
      await writeAll(node.createWriteStream({ key: 'task-2' }), 'c\n')
      await using writer = await node.openWriter({ key: 'task-2' })
      await writer.write(Buffer.from('c\n'))
      await writer.close()
      expect(await node.call('value')).toEqual({ lines: 3, bytes: 6 })
    })
  })

  it('of a writer that died half-way is free for its retry', async () => {
    await shared.withAction('std/Merge', {}, async node => {
      const dying = await shared.connect()
      const half = (await dying.lookup(node.path, 'action')).createWriteStream({ key: 'task' }).on('error', () => {})
      await written(half, 'a,1\nb,1\n')
      await dying.close()
      await writeAll(node.createWriteStream({ key: 'task' }), 'a,1\n', 'b,1\n')
      await writeAll(node.createWriteStream({ key: 'task' }), 'a,1\n', 'b,1\n')
      expect((await textOf(node.createReadStream())).split('\n').sort().join(' ').trim()).toBe('a,1 b,1')
    })
  })

  it('is taken as it is, and refused where it is none', async () => {
    await shared.withAction('std/Counter', {}, async node => {
      for (const key of ['', 'x'.repeat(256)]) {
        expect((await errorOf(node.createWriteStream({ key }))).code).toBe('INVALID_ARGUMENT')
      }
      expect(await node.call('value')).toEqual({ lines: 0, bytes: 0 })
    })
  })
})

describe('the standard library', () => {
  it('merges', async () => {
    await shared.withAction('Merge', { interleaved: true }, async node => {
      const lines = Array.from({ length: 5000 }, (_, i) => `key ${i % 97},${i - 2500}`)
      await Promise.all([0, 1, 2, 3].map(w => writeAll(node.createWriteStream(), lines.filter((_, i) => i % 4 === w).join('\n'))))
      const sums = new Map<string, number>()
      for (const line of lines) {
        const [key, value] = line.split(',')
        sums.set(key!, (sums.get(key!) ?? 0) + Number(value))
      }
      const got = new Map(
        (await textOf(node.createReadStream()))
          .trimEnd()
          .split('\n')
          .map(line => line.split(',') as [string, string]),
      )
      expect(got.size).toBe(97)
      for (const [key, sum] of sums) expect(got.get(key)).toBe(String(sum))
      expect(await node.call('size')).toBe(97)
    })
  })

  it('sorts, and writes the result itself', async () => {
    const { store } = shared
    await shared.withAction('std/Sorter', { interleaved: true }, async node => {
      const lines = Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 20_000}`)
      await Promise.all(
        [0, 1].map(w => writeAll(node.createWriteStream(), `${lines.filter((_, i) => i % 2 === w).join('\n')}\n`)),
      )
      const size = await node.call('finish', { path: '/out/sorted' })
      const sorted = `${lines.sort().join('\n')}\n`
      expect(size).toEqual({ lines: 20_000, bytes: sorted.length })
      expect((await store.get('/out/sorted')).toString()).toBe(sorted)
      expect(await textOf(node.createReadStream())).toBe(sorted)
      await store.delete('/out', { recursive: true })
    })
  })

  it('filters a file', async () => {
    const { store } = shared
    await store.put('/text', Array.from({ length: 100_000 }, (_, i) => `line ${i}`).join('\n'))
    await shared.withAction('std/Filter', { params: { file: '/text', substring: '777' } }, async node => {
      const expected = Array.from({ length: 100_000 }, (_, i) => `line ${i}`).filter(line => line.includes('777'))
      expect(await textOf(node.createReadStream())).toBe(`${expected.join('\n')}\n`)
    })
    await store.delete('/text')
  })
})

itLeavesNothing(shared)
