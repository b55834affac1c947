import { expect, test } from 'vitest'
import { FakeClock } from '../../protocol/testing/fake-clock.ts'
import type { Transport, TransportEvents } from '../../protocol/transport.ts'
import { NarrowLink } from './narrow-link.ts'

/** A transport that writes at once, and receives what the test says. */
class Inner implements Transport {
  readonly remote = 'test:1'
  readonly written: number[] = []
  events: TransportEvents | undefined
  paused = false
  closed = false

  start(events: TransportEvents): void {
    this.events = events
  }

  write(buffers: readonly Uint8Array[], flushed: () => void): void {
    this.written.push(buffers.reduce((sum, { length }) => sum + length, 0))
    flushed()
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  close(): void {
    this.closed = true
  }
}

const RATE = 1_000_000
const BURST = 10_000

function setup(connections: number): { clock: FakeClock; inner: Inner[]; transports: Transport[]; received: number[] } {
  const clock = new FakeClock()
  const link = new NarrowLink(clock, RATE)
  const inner = Array.from({ length: connections }, () => new Inner())
  const received = inner.map(() => 0)
  const transports = inner.map((each, at) => {
    const transport = link.over(each)
    transport.start({
      landing: () => undefined,
      landed: bytes => void (received[at]! += bytes),
      bytes: chunk => void (received[at]! += chunk.length),
      gone: () => {},
    })
    return transport
  })
  return { clock, inner, transports, received }
}

test('what is written beyond the rate waits unflushed, in its order', () => {
  const { clock, inner, transports } = setup(1)
  const flushed: number[] = []
  const write = (bytes: number): void => transports[0]!.write([Buffer.alloc(bytes)], () => flushed.push(bytes))
  write(BURST + 20_000)
  write(1)
  write(2)
  expect(flushed).toEqual([BURST + 20_000])
  clock.advance(19)
  expect(flushed).toHaveLength(1)
  clock.advance(2)
  expect(flushed).toEqual([BURST + 20_000, 1, 2])
  expect(inner[0]!.written).toEqual(flushed)
})

test('what comes beyond the rate is left in the kernel until it is due', () => {
  const { clock, inner, transports, received } = setup(1)
  const [socket] = inner
  socket!.events!.landed(BURST)
  expect(socket!.paused).toBe(false)
  socket!.events!.bytes(Buffer.alloc(5_000))
  expect(received).toEqual([BURST + 5_000])
  expect(socket!.paused).toBe(true)
  // Whoever else pauses it is heeded as well.
  transports[0]!.pause()
  clock.advance(6)
  expect(socket!.paused).toBe(true)
  transports[0]!.resume()
  expect(socket!.paused).toBe(false)
})

test('all connections of a process share one link, of which each direction is by itself', () => {
  const { clock, inner, transports } = setup(2)
  transports[0]!.write([Buffer.alloc(BURST + 8_000)], () => {})
  transports[1]!.write([Buffer.alloc(1)], () => {})
  expect(inner[1]!.written).toEqual([])
  inner[1]!.events!.landed(BURST)
  expect(inner[1]!.paused).toBe(false)
  clock.advance(9)
  expect(inner[1]!.written).toEqual([1])
})

test('when the connection is closed, what waits leaves and no timer is left', () => {
  const { clock, inner, transports } = setup(1)
  let flushed = 0
  for (const bytes of [BURST + 50_000, 7]) transports[0]!.write([Buffer.alloc(bytes)], () => flushed++)
  inner[0]!.events!.landed(BURST + 50_000)
  transports[0]!.close()
  expect(flushed).toBe(2)
  transports[0]!.write([Buffer.alloc(1)], () => flushed++)
  expect(flushed).toBe(3)
  expect(inner[0]!.closed).toBe(true)
  expect(clock.pending).toBe(0)
})
