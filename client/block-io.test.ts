import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import type { ConnectionCore } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Pending } from '../protocol/requests.ts'
import { FakeClock } from '../protocol/testing/fake-clock.ts'
import { BlockIo } from './block-io.ts'
import type { Connections } from './connections.ts'
import { TransferCounters } from './counters.ts'

const block = { location: Buffer.alloc(100), address: 'a:1', written: false }
const bytes = Buffer.alloc(10)
const gone = new GliderError('UNAVAILABLE', 'the connection is gone')

interface Asked {
  readonly pending: Pending
  readonly timeoutMs: number
}

/** Connections whose requests are answered by hand. */
class Fakes {
  readonly clock = new FakeClock()
  readonly asked: Asked[] = []
  readonly cancelled: number[] = []
  checks = 0
  readonly io: BlockIo

  constructor() {
    const connection = {
      requestRaw: (...[, , , pending, timeoutMs]: Parameters<ConnectionCore['requestRaw']>) =>
        this.asked.push({ pending, timeoutMs: timeoutMs! }),
      cancel: (id: number) => {
        this.cancelled.push(id)
        this.asked[id - 1]!.pending.failed(new GliderError('CANCELLED', 'taken back'))
      },
    }
    const connections = { context: { clock: this.clock }, closed: false, ready: () => connection, get: async () => connection }
    this.io = new BlockIo(connections as unknown as Connections, new TransferCounters())
  }

  write(options: object): Promise<void> {
    return this.io.write(block, 0, bytes, options, async () => this.checks++)
  }

  /** Lets promises go on, then time. */
  async pass(ms: number): Promise<void> {
    for (let i = 0; i < 20; i++) await Promise.resolve()
    this.clock.advance(ms)
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
}

test('an operation that is tried again has what is left of its time, and asks first whether that makes sense', async () => {
  const fakes = new Fakes()
  const write = fakes.write({ timeoutMs: 1_000 })
  expect(fakes.asked[0]!.timeoutMs).toBe(1_000)
  await fakes.pass(600)
  fakes.asked[0]!.pending.failed(gone)
  await fakes.pass(100)
  expect(fakes.asked.length).toBe(2)
  expect(fakes.asked[1]!.timeoutMs).toBe(300)
  await fakes.pass(250)
  fakes.asked[1]!.pending.failed(gone)
  await expect(write).rejects.toBe(gone)
  expect(fakes.checks).toBe(2)
})

test('a signal that has fired already asks nobody, and one that fires takes the request back', async () => {
  const fakes = new Fakes()
  await expect(fakes.write({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(fakes.asked).toEqual([])
  const controller = new AbortController()
  const write = fakes.write({ signal: controller.signal })
  controller.abort()
  await expect(write).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(fakes.cancelled).toEqual([1])
})

test('nothing is left on a signal once the operation has ended, however many attempts it took', async () => {
  const fakes = new Fakes()
  const { signal } = new AbortController()
  const write = fakes.write({ signal })
  fakes.asked[0]!.pending.failed(gone)
  await fakes.pass(100)
  expect(getEventListeners(signal, 'abort').length).toBe(1)
  fakes.asked[1]!.pending.answered(Buffer.alloc(0), Buffer.alloc(0), false)
  await write
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('an answer of another length than was asked for is no read', async () => {
  const fakes = new Fakes()
  const read = fakes.io.read(block, 0, bytes, {}, async () => undefined)
  const { pending } = fakes.asked[0]!
  expect(pending.place(9)).toBeUndefined()
  expect(() => pending.answered(Buffer.alloc(0), Buffer.alloc(9), false)).toThrow('a read of 10 bytes was answered with 9')
  pending.failed(new GliderError('PROTOCOL_ERROR', 'as the connection tells what was thrown'))
  await expect(read).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' })
})
