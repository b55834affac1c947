import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { FakeClock } from '../protocol/testing/fake-clock.ts'
import { LoopLag } from './loop-lag.ts'

test('what runs late is told with how late it is, and nothing after the end', async () => {
  const clock = new FakeClock()
  const registry = new Registry()
  const lag = new LoopLag(clock)
  lag.register(registry)
  clock.advance(1_000)
  clock.sleep(600)
  const text = await registry.metrics()
  expect(text).toMatch(/^# TYPE glider_event_loop_lag_seconds histogram$/m)
  expect(text).toMatch(/^glider_event_loop_lag_seconds_bucket\{le="0\.000016"\} 10$/m)
  expect(text).toMatch(/^glider_event_loop_lag_seconds_bucket\{le="\+Inf"\} 11$/m)
  expect(text).toMatch(/^glider_event_loop_lag_seconds_sum 0\.5$/m)
  lag.stop()
  expect(clock.pending).toBe(0)
})
