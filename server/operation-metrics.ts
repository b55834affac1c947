import { Counter, type Metric, type Registry } from 'prom-client'
import { catalogue } from '../protocol/catalogue.ts'
import { BUCKET_BOUNDS, BUCKETS, type Meter } from '../protocol/meter.ts'
import { counter } from './metrics.ts'

const operations = Object.values(catalogue).map(({ name, code }) => ({ name, code }))

/** What the meter has counted, by operation. Those that nobody has asked for are left out. */
export function registerOperations(registry: Registry, meter: Meter): void {
  byOperation(registry, 'glider_operations_total', 'Operations answered, and streams that are over.', code =>
    countOf(meter, code),
  )
  byOperation(registry, 'glider_operation_received_bytes_total', 'Bytes of requests and streams.', code => meter.received[code]!)
  byOperation(registry, 'glider_operation_sent_bytes_total', 'Bytes of answers and streams.', code => meter.sent[code]!)
  new Counter({
    name: 'glider_operation_failures_total',
    help: 'Operations and streams that ended with an error.',
    labelNames: ['operation', 'code'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { name, code } of operations)
        for (const [error, count] of meter.failuresOf(code)) this.inc({ operation: name, code: error }, count)
    },
  })
  histogram(registry, 'glider_operation_duration_seconds', 'From arrival to answer; of a stream, to its end.', () =>
    operations.flatMap(({ name, code }) => {
      const counts = meter.counts.subarray(code * BUCKETS, (code + 1) * BUCKETS)
      return countOf(meter, code) > 0 ? [{ labels: { operation: name }, counts, sum: meter.totalMs[code]! / 1e3 }] : []
    }),
  )
  counter(
    registry,
    'glider_stream_credit_stalls_total',
    'Times that a stream had bytes to send and no credit.',
    () => meter.stalls,
  )
}

function countOf({ counts }: Meter, code: number): number {
  let count = 0
  for (let at = code * BUCKETS; at < (code + 1) * BUCKETS; at++) count += counts[at]!
  return count
}

function byOperation(registry: Registry, name: string, help: string, valueOf: (code: number) => number): void {
  new Counter({
    name,
    help,
    labelNames: ['operation'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { name: operation, code } of operations) {
        const value = valueOf(code)
        if (value > 0) this.inc({ operation }, value)
      }
    },
  })
}

export interface Observed {
  readonly labels: Readonly<Record<string, string>>
  /** By bucket of a {@link Meter}. */
  readonly counts: ArrayLike<number>
  /** In seconds. */
  readonly sum: number
}

/** A histogram that is kept elsewhere, in the buckets of a {@link Meter}. */
export function histogram(registry: Registry, name: string, help: string, observed: () => readonly Observed[]): void {
  const told = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    reset() {},
    get: () => Promise.resolve({ ...told, values: observed().flatMap(one => valuesOf(name, one)) }),
  }
  // It has what the registry asks its own histograms for.
  registry.registerMetric(told as unknown as Metric)
}

interface Value {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

function valuesOf(name: string, { labels, counts, sum }: Observed): Value[] {
  let count = 0
  const buckets = Array.from({ length: BUCKETS }, (_, at) => {
    count += counts[at]!
    const le = at < BUCKET_BOUNDS.length ? `${BUCKET_BOUNDS[at]!}` : '+Inf'
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count }
  })
  return [...buckets, { metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: count }]
}
