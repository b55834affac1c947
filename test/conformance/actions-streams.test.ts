import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { failureOf } from '../support/failure.ts'
import { bytesOf, ended, errorOf, textOf, writeAll, written } from '../support/streams.ts'
import { deployActions } from './support/actions.ts'
import { MiB } from './support/bytes.ts'
import { openDeployment } from './support/deployment.ts'

const deployment = openDeployment()
const actions = deployActions(deployment)

async function firstBytes(stream: Readable): Promise<void> {
  await once(stream, 'readable')
  stream.read()
}

describe('a stream', () => {
  it('runs its hook once, also when no byte follows', async () => {
    const node = await actions.make('Endings')
    await ended(node.createWriteStream())
    await using writer = await node.openWriter()
    await writer.close()
    expect(await node.call('endings', 2)).toEqual(['0 bytes ended', '0 bytes ended'])
  })

  it('has a signal of its own', async () => {
    const node = await actions.make('Endings', { interleaved: true })
    const stays = node.createWriteStream()
    await written(stays, 'stays')
    const goes = node.createWriteStream().on('error', () => {})
    await written(goes, 'goes')
    await node.call('begun', 2)
    goes.destroy()
    await node.call('endings', 2)
    await ended(stays)
    expect(((await node.call('endings', 3)) as string[]).slice(2)).toEqual(['5 bytes ended'])
  })

  it('has input and output that reject once its hook has returned', async () => {
    const node = await actions.make('Endings', { params: { early: true } })
    await writeAll(node.createWriteStream(), 'x')
    await bytesOf(node.createReadStream())
    expect(await node.call('late')).toEqual(['INVALID_ARGUMENT', 'INVALID_ARGUMENT'])
  })
})

describe('a writer', () => {
  it('of a hook that returns early finishes, and the rest is discarded', async () => {
    const node = await actions.make('Endings', { params: { early: true } })
    const pieces = Array.from({ length: 32 }, () => Buffer.alloc(MiB))
    await writeAll(node.createWriteStream(), ...pieces)
    await writeAll(node.createWriteStream(), 'and the next one has its turn')
    expect(await node.call('endings', 0)).toEqual([])
  })

  it.each(['destroy', 'destroy with an error', 'abort of a direct one', 'a client that goes'])(
    'that dies mid-stream by %s makes the input throw, and half a stream is never a whole one',
    async how => {
      const node = await actions.make('Endings', { interleaved: true })
      const other = await deployment.connect()
      const there = await other.lookup(node.path, 'action')
      if (how.startsWith('abort')) {
        const writer = await there.openWriter()
        await writer.write(Buffer.from('half of it'))
        await node.call('begun', 1)
        writer.abort()
      } else {
        const stream = there.createWriteStream().on('error', () => {})
        await written(stream, 'half of it')
        await node.call('begun', 1)
        if (how === 'a client that goes') await other.close()
        else stream.destroy(how === 'destroy' ? undefined : new Error('enough'))
      }
      const endings = (await node.call('endings', 2)) as string[]
      expect(endings.toSorted()).toEqual(['input aborted', expect.stringMatching(/^input threw (CANCELLED|UNAVAILABLE)$/)])
    },
  )

  it('finishes only when onWrite has returned', async () => {
    const gate = await actions.gate()
    const node = await actions.make('Ledger', { params: { gate: gate.path } })
    const stream = node.createWriteStream()
    let finished = false
    const end = writeAll(stream, 'held').then(() => {
      finished = true
    })
    await gate.arrived('held')
    await deployment.store.stat(node.path)
    expect(finished).toBe(false)
    await gate.open('held')
    await end
  })

  it('is told what its hook throws, with message and line, and what follows is not taken', async () => {
    const node = await actions.make('Throws')
    const failure = await errorOf(node.createWriteStream().end('good\nbad\ngood\n'))
    expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('what a bad line') })
    expect(failure.stack).toMatch(/conforming\.ts:\d+:\d+/)
    await writeAll(node.createWriteStream(), 'good\n')
    expect(await node.call('fine')).toBe('fine')
  })

  it('with the key of a stream that has completed counts no more; of one that died it does', async () => {
    const node = await actions.make('Endings', { interleaved: true })
    const dying = node.createWriteStream({ key: 'task' }).on('error', () => {})
    await written(dying, 'half')
    await node.call('begun', 1)
    dying.destroy()
    await node.call('endings', 2)
    for (let i = 0; i < 3; i++) await writeAll(node.createWriteStream({ key: 'task' }), 'whole!')
    await writeAll(node.createWriteStream({ key: 'other' }), 'other one')
    expect(((await node.call('endings', 4)) as string[]).slice(2)).toEqual(['6 bytes ended', '9 bytes ended'])
  })
})

describe('a reader', () => {
  it('that goes makes the next write reject and the signal fire', async () => {
    for (const how of ['destroy', 'close', 'client']) {
      const node = await actions.make('Endings', { interleaved: true })
      const other = await deployment.connect()
      const there = await other.lookup(node.path, 'action')
      if (how === 'close') {
        const reader = await there.openReader()
        expect(await reader.read(Buffer.alloc(100))).toBe(100)
        await reader.close()
      } else {
        const stream = there.createReadStream().on('error', () => {})
        await firstBytes(stream)
        if (how === 'destroy') stream.destroy()
        else await other.close()
      }
      const endings = (await node.call('endings', 2)) as string[]
      expect(endings.toSorted()).toEqual(['output aborted', expect.stringMatching(/^write rejected (CANCELLED|UNAVAILABLE)$/)])
    }
  })

  it('may read without an end, for as long as it wants', async () => {
    const node = await actions.make('Endings', { interleaved: true })
    let bytes = 0
    for await (const chunk of node.createReadStream()) {
      bytes += (chunk as Buffer).length
      if (bytes >= 128 * MiB) break
    }
    expect(((await node.call('endings', 2)) as string[]).length).toBe(2)
  })

  it('gets the bytes from before a throw, then ACTION_FAILED with message and line', async () => {
    const node = await actions.make('Throws')
    const chunks: Buffer[] = []
    const failure = await failureOf(
      (async () => {
        for await (const chunk of node.createReadStream()) chunks.push(chunk as Buffer)
      })(),
    )
    expect(Buffer.concat(chunks).toString()).toBe('the first words')
    expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('onRead has no more words') })
    expect(failure.stack).toMatch(/conforming\.ts:\d+:\d+/)
  })

  it('or writer of a class without the hook is INVALID_ARGUMENT, and the object lives on', async () => {
    const gate = await actions.gate()
    const node = await deployment.store.lookup(gate.path, 'action')
    expect((await failureOf(bytesOf(node.createReadStream()))).code).toBe('INVALID_ARGUMENT')
    expect((await failureOf(writeAll(node.createWriteStream(), 'x'))).code).toBe('INVALID_ARGUMENT')
    await gate.open('still there')
  })
})

describe('the input', () => {
  /** The bytes one by one, so that characters and line ends come apart. */
  const pieces = (text: string): Buffer[] => [...Buffer.from(text)].map(byte => Buffer.of(byte))
  const text = 'first\r\nzweite: ä漢🙂\n\n\r\nlast without an end'
  const lines = ['first', 'zweite: ä漢🙂', '', '', 'last without an end']

  it.each([
    ['chunks', text],
    ['lent', text],
    ['text', text],
    ['lines', lines],
    ['forEachLine', lines],
    ['forEachLineBytes', lines],
  ])('taken as %s is the same however it was cut', async (way, expected) => {
    const node = await actions.make('Takes', { params: { way } })
    for (const cut of [[Buffer.from(text)], pieces(text)]) {
      await writeAll(node.createWriteStream(), ...cut)
      expect(await node.call('taken')).toEqual(expected)
    }
    await writeAll(node.createWriteStream(), 'a\nb\n')
    expect(await node.call('taken')).toEqual(typeof expected === 'string' ? 'a\nb\n' : ['a', 'b'])
  })

  it('taken as JSON is its value', async () => {
    const node = await actions.make('Takes', { params: { way: 'json' } })
    await writeAll(node.createWriteStream(), ...pieces('{"ä":[1,null]}'))
    expect(await node.call('taken')).toEqual({ ä: [1, null] })
    expect((await errorOf(node.createWriteStream().end('{"half":'))).code).toBe('ACTION_FAILED')
  })

  it('with a line of more than 16 MiB is INVALID_ARGUMENT', async () => {
    const node = await actions.make('Takes', { params: { way: 'forEachLine' } })
    const stream = node.createWriteStream()
    const failure = errorOf(stream)
    stream.end(Buffer.alloc(16 * MiB + 1, 'x'))
    expect((await failure).code).toBe('INVALID_ARGUMENT')
    await writeAll(node.createWriteStream(), 'short\n')
    expect(await node.call('taken')).toEqual(['short'])
  })
})

describe('direct streams', () => {
  it('keep the order of many outstanding writes', async () => {
    const node = await actions.make('Takes', { params: { way: 'text' } })
    await using writer = await node.openWriter()
    await Promise.all(Array.from({ length: 1000 }, (_, i) => writer.write(Buffer.from(`${i},`))))
    await writer.close()
    expect(await node.call('taken')).toBe(Array.from({ length: 1000 }, (_, i) => `${i},`).join(''))
  })

  it('fill outstanding reads in order, and give 0 at the end', async () => {
    const node = await actions.make('Lives', { params: { word: 'abcdefghij' } })
    await using reader = await node.openReader()
    const buffers = Array.from({ length: 12 }, () => Buffer.alloc(1))
    const counts = await Promise.all(buffers.map(buffer => reader.read(buffer)))
    expect(counts).toEqual([...Array<number>(10).fill(1), 0, 0])
    expect(Buffer.concat(buffers.slice(0, 10)).toString()).toBe('abcdefghij')
    expect(await textOf(node.createReadStream())).toBe('abcdefghij')
  })
})
