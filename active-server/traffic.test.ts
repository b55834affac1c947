import { expect, test } from 'vitest'
import { Traffic } from '../server/traffic.ts'
import { ActionTime } from './action-time.ts'
import { StreamTraffic } from './stream-traffic.ts'

test('a stream counts as one operation, and its bytes as they pass', async () => {
  const traffic = new Traffic()
  const streams = new StreamTraffic(traffic)
  const stream = { bytesReceived: 0, bytesSent: 0 }
  let end: (() => void) | undefined
  const over = streams.during(stream, () => new Promise<void>(resolve => (end = resolve)))
  Object.assign(stream, { bytesReceived: 100, bytesSent: 7 })
  expect(traffic).toMatchObject({ operations: 1, bytesIn: 0, bytesOut: 0 })
  streams.countOpen()
  streams.countOpen()
  expect(traffic).toMatchObject({ operations: 1, bytesIn: 100, bytesOut: 7 })
  stream.bytesReceived = 150
  end!()
  await over
  streams.countOpen()
  expect(traffic).toMatchObject({ operations: 1, bytesIn: 150, bytesOut: 7 })
})

test('a stream that fails counts with what has passed', async () => {
  const traffic = new Traffic()
  const failed = new StreamTraffic(traffic).during({ bytesReceived: 5, bytesSent: 0 }, () => Promise.reject(new Error('no')))
  await expect(failed).rejects.toThrow('no')
  expect(traffic).toMatchObject({ operations: 1, bytesIn: 5 })
})

test('a thread counts for as long as it has objects', () => {
  const [one, other] = [{ busyMs: 20 }, { busyMs: 30 }]
  let threads = [one, other]
  const withObjects = new Set<{ busyMs: number }>()
  const time = new ActionTime(
    () => threads,
    thread => withObjects.has(thread),
  )
  // What they did to start.
  expect(time.taken()).toBe(0)
  withObjects.add(one)
  Object.assign(one, { busyMs: 25 })
  Object.assign(other, { busyMs: 90 })
  expect(time.taken()).toBe(5)
  withObjects.clear()
  Object.assign(one, { busyMs: 28 })
  expect(time.taken()).toBe(3)
  Object.assign(one, { busyMs: 50 })
  expect(time.taken()).toBe(0)
  // Another in its place begins anew.
  threads = [{ busyMs: 4 }, other]
  withObjects.add(threads[0]!)
  expect(time.taken()).toBe(4)
})
