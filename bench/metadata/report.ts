/** What a run has found, as JSON and as tables. */

/** Operations per second, by name. */
export type Rates = Readonly<Record<string, number>>

/** The rows of the SDK, in the order in which they are told. */
export const operationNames = [
  'lookup',
  'stat',
  'create',
  'createJournaled',
  'rename',
  'delete',
  'inlinePut',
  'inlineGet',
] as const

export interface RedisRates {
  readonly ioredisPut: number
  readonly ioredisGet: number
  readonly benchmarkPut: number
  readonly benchmarkGet: number
}

export interface Results {
  /** With 64 in flight, the echo included. */
  readonly rates: Rates
  readonly oneInFlight: Rates
  readonly rest: Rates
  /** Undefined where it was not measured. */
  readonly heapBytesPerNode: number | undefined
  /** Undefined where there is no Redis. */
  readonly redis: RedisRates | undefined
}

/** What is to be reached: a figure, as a share of another one of the same run. */
interface Target {
  readonly of: string
  readonly ratio: number
}

export const targets: Readonly<Record<string, Target>> = {
  lookup: { of: 'echo', ratio: 0.5 },
  inlineGet: { of: 'echo', ratio: 0.5 },
  create: { of: 'echo', ratio: 0.35 },
  inlinePut: { of: 'echo', ratio: 0.35 },
  createJournaled: { of: 'create', ratio: 0.5 },
}
export const MOST_BYTES_PER_NODE = 700
export const LEAST_OF_IOREDIS = 1.5

/** Undefined where one of the two was not measured. */
export function ratio(rate: number | undefined, base: number | undefined): number | undefined {
  return rate === undefined || base === undefined ? undefined : rate / base
}

/** The whole run, in the form of `--json`; null for what was not measured. */
export function jsonOf({ rates, oneInFlight, rest, heapBytesPerNode, redis }: Results): { readonly metadata: unknown } {
  return {
    metadata: {
      ...whole(rates, ['echo', ...operationNames]),
      oneInFlight: whole(oneInFlight, ['echo', ...operationNames]),
      rest: whole(rest, ['create', 'lookup']),
      heapBytesPerNode: rounded(heapBytesPerNode),
      redis: redis
        ? {
            ...whole({ ...redis }, ['ioredisPut', 'ioredisGet', 'benchmarkPut', 'benchmarkGet']),
            putRatio: hundredths(ratio(rates['inlinePut'], redis.ioredisPut)),
            getRatio: hundredths(ratio(rates['inlineGet'], redis.ioredisGet)),
          }
        : null,
    },
  }
}

/** One line for each figure, under a line of headings. */
export function tableOf(results: Results): string[] {
  const { rates, oneInFlight, rest, heapBytesPerNode, redis } = results
  const lines = [row('', '64 in flight', 'of echo', '1 in flight', 'to reach')]
  for (const name of ['echo', ...operationNames]) {
    const share = name === 'echo' ? undefined : ratio(rates[name], rates['echo'])
    lines.push(row(name, perSecond(rates[name]), shown(share), perSecond(oneInFlight[name]), toReach(name, rates)))
  }
  lines.push('', row('REST', 'operations/s'))
  for (const name of ['create', 'lookup']) lines.push(row(name, perSecond(rest[name])))
  if (redis) {
    lines.push('', row('Redis', 'operations/s', 'ours to it', '', 'to reach'))
    for (const [name, rate, ours, least] of redisRows(rates, redis)) {
      lines.push(row(name, perSecond(rate), shown(ratio(ours, rate)), '', least === undefined ? '' : `${least}`))
    }
  } else lines.push('', row('Redis', 'not installed'))
  if (heapBytesPerNode !== undefined) {
    const bytes = heapBytesPerNode.toFixed(0)
    lines.push('', row('memory', `${bytes} B/node`, '', '', `at most ${MOST_BYTES_PER_NODE}`))
  }
  return lines.map(line => line.trimEnd())
}

type RedisRow = readonly [name: string, rate: number, ours: number | undefined, least: number | undefined]

function redisRows({ inlinePut, inlineGet }: Rates, redis: RedisRates): RedisRow[] {
  return [
    ['ioredis put', redis.ioredisPut, inlinePut, LEAST_OF_IOREDIS],
    ['ioredis get', redis.ioredisGet, inlineGet, LEAST_OF_IOREDIS],
    ['benchmark put', redis.benchmarkPut, inlinePut, undefined],
    ['benchmark get', redis.benchmarkGet, inlineGet, undefined],
  ]
}

function toReach(name: string, rates: Rates): string {
  const target = targets[name]
  if (!target) return ''
  const text = `${target.ratio} of ${target.of}`
  // The column beside it has the share of the echo only.
  return target.of === 'echo' ? text : `${text}: ${shown(ratio(rates[name], rates[target.of])) || 'not measured'}`
}

function row(name: string, ...cells: string[]): string {
  const [rate = '', share = '', single = '', target = ''] = cells
  return `${name.padEnd(16)}${rate.padStart(14)}${share.padStart(12)}${single.padStart(14)}   ${target}`
}

function perSecond(rate: number | undefined): string {
  return rate === undefined ? '-' : Math.round(rate).toLocaleString('en')
}

function shown(share: number | undefined): string {
  return share?.toFixed(2) ?? ''
}

function whole(rates: Rates, names: readonly string[]): Record<string, number | null> {
  return Object.fromEntries(names.map(name => [name, rounded(rates[name])]))
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value)
}

function hundredths(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 100) / 100
}
