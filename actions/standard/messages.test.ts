import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type ActionDriver, runAction } from '../testing/index.ts'
import { Queue, Topic } from './index.ts'

/** A writer that can be held up in the middle of its stream. */
function heldWriter(first: string | Uint8Array): {
  chunks: AsyncGenerator<string | Uint8Array>
  end: () => void
  die: () => void
} {
  let settle!: (fails: boolean) => void
  const settled = new Promise<boolean>(resolve => {
    settle = resolve
  })
  async function* chunks(): AsyncGenerator<string | Uint8Array> {
    yield first
    if (await settled) throw new Error('the worker was killed')
  }
  return { chunks: chunks(), end: () => settle(false), die: () => settle(true) }
}

interface Reading {
  readonly messages: string[]
  /** Reads so many and goes away. */
  readonly done: Promise<void>
}

function startReading(action: ActionDriver, chunks = Number.POSITIVE_INFINITY): Reading {
  const messages: string[] = []
  const done = (async () => {
    let left = chunks
    for await (const chunk of action.chunks()) {
      messages.push(...chunk.toString().split('\n').slice(0, -1))
      if (--left === 0) return
    }
  })()
  return { messages, done }
}

const numbered = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `${from + i}\n`)
const size = (action: ActionDriver): Promise<object> => action.call('size') as Promise<object>

describe('Queue', () => {
  it('gives every message to exactly one reader, though readers leave in the middle of it', async () => {
    await using queue = await runAction(Queue, { interleaved: true })
    const readers = [startReading(queue, 1), startReading(queue), startReading(queue)]
    await Promise.all([0, 1, 2, 3].map(w => queue.write(numbered(5000, w * 5000), { key: `${w}` })))
    await queue.call('close')
    await Promise.all(readers.map(({ done }) => done))
    const all = readers.flatMap(({ messages }) => messages).map(Number)
    expect(all.toSorted((a, b) => a - b)).toEqual([...Array(20_000).keys()])
    for (const { messages } of readers) expect(messages.length).toBeGreaterThan(0)
    expect(await size(queue)).toEqual({ waiting: 0, taken: 0, closed: true })
  })

  it('puts what was being handed to a reader that dies back to the front', async () => {
    await using queue = await runAction(Queue, { interleaved: true })
    const lines = numbered(8000)
    await queue.write(lines)
    const left = new AbortController()
    const dying = queue.chunks({ signal: left.signal })
    const taken = (await dying.next()).value!.toString()
    // The next ones were written for it by now, and it does not take them.
    await queue.call('size')
    left.abort()
    await expect(dying.next().then(() => dying.next())).rejects.toMatchObject({ code: 'CANCELLED' })
    await queue.call('close')
    const rest = await queue.readText()
    expect(rest.length).toBeGreaterThan(0)
    expect(lines.join('').endsWith(rest)).toBe(true)
    expect(taken + rest).toBe(lines.join(''))
  })

  it('takes the messages of a stream together at its end, or as they come where it is told to', async () => {
    for (const streaming of [false, true]) {
      await using queue = await runAction(Queue, { params: { streaming }, interleaved: true })
      const writer = heldWriter('a\nb\nc')
      const writing = queue.write(writer.chunks, { key: 'k' })
      if (streaming) await vi.waitFor(async () => expect(await size(queue)).toMatchObject({ waiting: 2 }), 20_000)
      writer.die()
      await expect(writing).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      expect(await size(queue)).toMatchObject({ waiting: streaming ? 2 : 0 })
      await queue.write('a\nb\nc', { key: 'k' })
      await queue.write('a\nb\nc', { key: 'k' })
      expect(await size(queue)).toMatchObject({ waiting: streaming ? 5 : 3 })
    }
  })

  it('lets writers wait while it is full, and refuses a stream that could never come in', async () => {
    await using queue = await runAction(Queue, { params: { maxBytes: 2048 }, interleaved: true })
    await queue.write(numbered(10))
    let written = false
    const waiting = queue.write(numbered(15, 10)).then(() => {
      written = true
    })
    await expect(queue.write(numbered(40))).rejects.toThrow(/NO_SPACE.*params\.maxBytes/)
    await queue.call('size')
    expect(written).toBe(false)
    const reading = startReading(queue)
    await waiting
    await queue.call('close')
    await reading.done
    expect(reading.messages).toEqual(numbered(25).map(line => line.trim()))
    await expect(queue.write('x\n')).rejects.toThrow('closed')
  })

  it('comes to its end only when writers that were open are through', async () => {
    await using queue = await runAction(Queue, { interleaved: true })
    const writer = heldWriter('a\n')
    const writing = queue.write(writer.chunks)
    await queue.call('close')
    const reading = startReading(queue)
    writer.end()
    await Promise.all([writing, reading.done])
    expect(reading.messages).toEqual(['a'])
  })

  it('gives messages by call until they are confirmed, given back or their time is over', async () => {
    await using queue = await runAction(Queue, { params: { takenMs: 20 }, interleaved: true })
    await queue.write(numbered(4))
    const take = async (max: number): Promise<{ receipt: number; messages: string[]; over: boolean }> => {
      return (await queue.call('take', { max })) as { receipt: number; messages: string[]; over: boolean }
    }
    const first = await take(2)
    expect(first.messages).toEqual(['0', '1'])
    expect(await queue.call('confirm', first.receipt)).toBe(true)
    expect(await queue.call('confirm', first.receipt)).toBe(false)
    const second = await take(1)
    expect(await queue.call('giveBack', second.receipt)).toBe(true)
    const third = await take(5)
    expect(third.messages).toEqual(['2', '3'])
    await vi.waitFor(async () => expect(await size(queue)).toMatchObject({ waiting: 2, taken: 0 }), 20_000)
    expect(await queue.call('confirm', third.receipt)).toBe(false)
    await queue.call('close')
    const fourth = await take(5)
    expect(fourth).toMatchObject({ messages: ['2', '3'], over: false })
    await queue.call('confirm', fourth.receipt)
    expect(await take(1)).toEqual({ receipt: 0, messages: [], over: true })
    await expect(queue.call('take', { max: 0 })).rejects.toThrow('params.max')
  })

  it('carries records of any bytes, however they are cut', async () => {
    const record = (bytes: Uint8Array): Buffer => {
      const head = Buffer.alloc(4)
      head.writeUInt32BE(bytes.length)
      return Buffer.concat([head, bytes])
    }
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 20 })), fc.integer({ min: 1, max: 9 }), async (records, step) => {
        await using queue = await runAction(Queue, { params: { format: 'records' }, interleaved: true })
        const bytes = Buffer.concat(records.map(record))
        await queue.write(
          Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) => bytes.subarray(i * step, (i + 1) * step)),
        )
        await expect(queue.write(Buffer.of(0, 0, 0, 2, 1))).rejects.toThrow('within a record')
        await queue.call('close')
        expect(await queue.read()).toEqual(bytes)
      }),
      { numRuns: 50 },
    )
  })

  it('lets go of who waits when it is deleted', async () => {
    await using queue = await runAction(Queue, { interleaved: true })
    const reading = startReading(queue)
    await queue.delete('abort')
    await expect(reading.done).rejects.toMatchObject({ code: 'NO_ACTION_OBJECT' })
  })
})

describe('Topic', () => {
  const readers = (topic: ActionDriver, count: number): Promise<void> => {
    return vi.waitFor(async () => expect(await size(topic)).toMatchObject({ readers: count }), 20_000)
  }

  it('gives every reader every message from when it came, in one order for all', async () => {
    await using topic = await runAction(Topic, { interleaved: true })
    await topic.write('lost\n')
    const early = [startReading(topic), startReading(topic)]
    await readers(topic, 2)
    await Promise.all([0, 1].map(w => topic.write(numbered(3000, w * 3000), { key: `${w}` })))
    await topic.write(numbered(3000), { key: '0' })
    const late = startReading(topic)
    await readers(topic, 3)
    await topic.write('last\n')
    await topic.call('close')
    await Promise.all([...early, late].map(({ done }) => done))
    expect(early[0]!.messages.toSorted()).toEqual([...numbered(6000).map(line => line.trim()), 'last'].toSorted())
    expect(early[1]!.messages).toEqual(early[0]!.messages)
    expect(late.messages).toEqual(['last'])
    expect(await size(topic)).toEqual({ readers: 0, messages: 0, closed: true })
  })

  it('lets writers wait for its slowest reader, until that goes', async () => {
    await using topic = await runAction(Topic, { params: { maxBytes: 2048 }, interleaved: true })
    const slow = topic.chunks()
    await readers(topic, 0)
    const first = slow.next()
    await readers(topic, 1)
    await topic.write(numbered(10))
    expect((await first).value?.toString()).toContain('0\n')
    await topic.write(numbered(15))
    let written = false
    const waiting = topic.write(numbered(15)).then(() => {
      written = true
    })
    await topic.call('size')
    expect(written).toBe(false)
    await slow.return()
    await waiting
    expect(await size(topic)).toMatchObject({ readers: 0, messages: 0 })
  })

  it('makes its slowest reader fail instead, where it is told to', async () => {
    await using topic = await runAction(Topic, { params: { maxBytes: 2048, slow: 'fail' }, interleaved: true })
    const slow = topic.chunks()
    const first = slow.next()
    await readers(topic, 1)
    const quick = startReading(topic)
    await readers(topic, 2)
    for (let round = 0; round < 10; round++) {
      await topic.write(numbered(15, round * 15))
      await vi.waitFor(() => expect(quick.messages.length).toBe((round + 1) * 15), 20_000)
    }
    await first
    await expect(
      (async () => {
        for (;;) if ((await slow.next()).done) return
      })(),
    ).rejects.toThrow(/NO_SPACE.*behind/)
    await topic.call('close')
    await quick.done
    expect(quick.messages).toEqual(numbered(150).map(line => line.trim()))
  })
})
