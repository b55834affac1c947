import { expect, test } from 'vitest'
import { overload } from './overload.ts'

const KIB = 1 << 10

test('hundreds of connections and streams cost a few KiB each, which are given back', { timeout: 90_000 }, async () => {
  const report = await overload({ connections: 500, streams: 200, progress: () => {} })
  expect(report.heapBytesPerConnection).toBeLessThan(16 * KIB)
  expect(report.heapBytesPerStream).toBeLessThan(16 * KIB)
  expect(report.heapBytesLeft).toBeLessThan(500 * 4 * KIB)
})
