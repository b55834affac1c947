import { MessageChannel } from 'node:worker_threads'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { GliderError } from '../../protocol/errors.ts'
import { type Batch, forEachStep, Outbox } from '../messages.ts'
import { regionBytes, SharedArena } from '../shared-arena.ts'
import { OutgoingMemory, ThreadSink } from './sink.ts'

let { port1, port2 } = new MessageChannel()
beforeEach(() => {
  ;({ port1, port2 } = new MessageChannel())
})
afterEach(() => port1.close())

/** What has gone to the network thread, by stream. */
async function told(outbox: Outbox, memory: SharedArrayBuffer): Promise<Map<number, Buffer[]>> {
  const pieces = new Map<number, Buffer[]>()
  const keep = (stream: number, bytes: Buffer): void => void pieces.set(stream, [...(pieces.get(stream) ?? []), bytes])
  const over = new Promise<void>(resolve => {
    port2.on('message', (batch: Batch) => {
      const nothing = (): void => {}
      forEachStep(batch, {
        ...{ free: nothing, open: nothing, done: nothing, keeps: nothing, message: nothing, end: () => resolve() },
        bytes: (stream, slab, offset, length) => keep(stream, Buffer.from(regionBytes(memory, slab, offset, length))),
        owned: (stream, buffer) => keep(stream, Buffer.from(buffer)),
        lent: (stream, shared, offset, length) => keep(stream, Buffer.from(Buffer.from(shared, offset, length))),
      })
    })
  })
  outbox.end(0)
  await over
  return pieces
}

it('gives a reader its bytes although others hold all of the shared memory, and no more than 64 KiB at a time', async () => {
  const arena = new SharedArena(4)
  const outbox = new Outbox(port1)
  const memory = new OutgoingMemory(arena)
  const stalled = new ThreadSink(1, outbox, memory)
  const sink = new ThreadSink(2, outbox, memory)
  void stalled.write(Buffer.alloc(4 << 20))
  expect(sink.write(Buffer.from('hello'))).toBeUndefined()
  let taken = false
  const rest = Promise.resolve(sink.write(Buffer.alloc(100 << 10, 7))).then(() => {
    taken = true
  })
  sink.left(5)
  await Promise.resolve()
  expect(taken).toBe(false)
  sink.left(64 << 10)
  await rest
  const pieces = await told(outbox, arena.memory)
  expect(pieces.get(2)!.map(({ length }) => length)).toEqual([5, (64 << 10) - 5, 5, 36 << 10])
  expect(Buffer.concat(pieces.get(2)!)).toEqual(Buffer.concat([Buffer.from('hello'), Buffer.alloc(100 << 10, 7)]))
})

it('gives readers less at a time where very many do not take theirs', () => {
  const arena = new SharedArena(0)
  const memory = new OutgoingMemory(arena, 256 << 10)
  const write = (stream: number): { sink: ThreadSink; written: () => number } => {
    const outbox = new Outbox(port1)
    let written = 0
    outbox.owned = (_stream, buffer) => void (written += buffer.byteLength)
    const sink = new ThreadSink(stream, outbox, memory)
    void sink.write(Buffer.alloc(1 << 20))
    return { sink, written: () => written }
  }
  const stalled = [1, 2, 3, 4].map(write)
  expect(stalled.map(({ written }) => written())).toEqual([64 << 10, 64 << 10, 64 << 10, 64 << 10])
  const late = write(5)
  expect(late.written()).toBe(4 << 10)
  late.sink.left(4 << 10)
  expect(late.written()).toBe(8 << 10)
  // One of them has taken all that it had, or has gone.
  memory.ownLeft(64 << 10)
  memory.ownLeft(4 << 10)
  expect(write(6).written()).toBe(4 << 10)
  memory.ownLeft(8 << 10)
  expect(write(7).written()).toBe(64 << 10)
})

it('sends lent memory without copying it, in order with what is written, and gives it back once it has left', async () => {
  const arena = new SharedArena(4)
  const outbox = new Outbox(port1)
  const sink = new ThreadSink(1, outbox, new OutgoingMemory(arena))
  const memory = Buffer.from(new SharedArrayBuffer(3 << 20), 5, 5 << 19)
  const back: string[] = []
  void sink.write(Buffer.from('a'))
  const first = sink.lend(memory).then(() => back.push('first'))
  void sink.write(Buffer.from('b'))
  const second = sink.lend(memory.subarray(0, 1 << 20)).then(() => back.push('second'))
  const third = sink.lend(memory.subarray(0, 1 << 20)).then(() => back.push('third'))
  // Seen by the network thread although it came later: nothing was copied.
  memory.fill(7)
  const piecesOf = (await told(outbox, arena.memory)).get(1)!
  expect(piecesOf.map(({ length }) => length)).toEqual([1, 1 << 20, 1 << 20, 1 << 19, 1, 1 << 20, 1 << 20])
  expect(piecesOf[1]!.every(byte => byte === 7)).toBe(true)
  sink.left(5 << 19)
  await Promise.resolve()
  expect(back).toEqual([])
  sink.left(1)
  await first
  sink.left(1 << 20)
  expect(back).toEqual(['first'])
  sink.left(1)
  await second
  sink.failed(new GliderError('CANCELLED', 'gone'))
  await expect(third).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(back).toEqual(['first', 'second'])
})
