import { MessageChannel } from 'node:worker_threads'
import { afterEach, expect, it } from 'vitest'
import { type Batch, forEachStep, Outbox } from '../messages.ts'
import { regionBytes, SharedArena } from '../shared-arena.ts'
import { OutgoingMemory, ThreadSink } from './sink.ts'

const { port1, port2 } = new MessageChannel()
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
