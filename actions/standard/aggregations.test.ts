import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ActionClass } from '../action.ts'
import { type ActionDriver, runAction } from '../testing/index.ts'
import { Counter, Distinct, Histogram, Join, Merge, Sample, Sorter, TopK, WordCount } from './index.ts'

interface Case {
  readonly name: string
  readonly Class: ActionClass
  readonly params?: object
  /** One line of a stream. */
  readonly line: fc.Arbitrary<string>
  /** Before the lines of a stream, by its number. */
  readonly head?: (stream: number) => string
  /** What all lines give, from one pass over them. */
  readonly expected: (streams: readonly (readonly string[])[]) => string
  /** Whether the order of the output means anything. */
  readonly ordered?: boolean
}

const key = fc.constantFrom('a', 'b', 'ä', 'a,b', '', 'a long key that does not fit a word')
const integer = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -1000n, max: 1000n }))
const pair = fc.tuple(key, integer).map(([k, v]) => `${k},${v}`)
const split = (line: string): [string, string] => [line.slice(0, line.lastIndexOf(',')), line.slice(line.lastIndexOf(',') + 1)]
const wrap = (value: bigint): bigint => BigInt.asIntN(64, value)

function foldBy<V>(lines: readonly string[], fold: (had: V | undefined, value: string) => V): Map<string, V> {
  const values = new Map<string, V>()
  for (const [k, v] of lines.map(split)) values.set(k, fold(values.get(k), v))
  return values
}

const text = (values: Iterable<readonly [string, string | number | bigint]>): string =>
  [...values].map(([k, v]) => `${k},${v}\n`).join('')
const merged = <V extends number | bigint>(fold: (had: V | undefined, value: string) => V): Case['expected'] => {
  return streams => text(foldBy(streams.flat(), fold))
}
const sumOf = (had: bigint | undefined, value: string): bigint => wrap((had ?? 0n) + BigInt(value))
const quarter = fc.integer({ min: -100_000, max: 100_000 }).map(value => value / 4)
const bytewise = (a: string, b: string): number => Buffer.from(a).compare(Buffer.from(b))

const cases: readonly Case[] = [
  { name: 'Merge', Class: Merge, line: pair, expected: merged(sumOf) },
  {
    name: 'Merge min',
    Class: Merge,
    params: { op: 'min' },
    line: pair,
    expected: merged<bigint>((had, value) => (had === undefined || BigInt(value) < had ? BigInt(value) : had)),
  },
  {
    name: 'Merge max',
    Class: Merge,
    params: { op: 'max' },
    line: pair,
    expected: merged<bigint>((had, value) => (had === undefined || BigInt(value) > had ? BigInt(value) : had)),
  },
  {
    name: 'Merge count',
    Class: Merge,
    params: { op: 'count' },
    line: fc.tuple(key, fc.constantFrom('', 'x', '1')).map(([k, v]) => `${k},${v}`),
    expected: merged<number>((had = 0) => had + 1),
  },
  {
    // Quarters are exact, so that the order of additions does not matter.
    name: 'Merge float',
    Class: Merge,
    params: { type: 'float' },
    line: fc.tuple(key, quarter).map(([k, v]) => `${k},${v}`),
    expected: merged<number>((had = 0, value) => had + Number(value)),
  },
  {
    name: 'Merge float max',
    Class: Merge,
    params: { type: 'float', op: 'max' },
    line: fc.tuple(key, fc.double({ noNaN: true, noDefaultInfinity: true })).map(([k, v]) => `${k},${v + 0}`),
    expected: merged<number>((had = Number.NEGATIVE_INFINITY, value) => Math.max(had, Number(value))),
  },
  {
    name: 'WordCount',
    Class: WordCount,
    line: fc
      .array(fc.constantFrom('Whale', 'whale', 'Überall', 'überall', '漢字', 'it’s', ' — ', "'", ', ', ' ', '3'), {
        maxLength: 8,
      })
      .map(words => words.join('')),
    expected: streams => {
      const counts = new Map<string, number>()
      for (const [word] of streams
        .map(lines => `${lines.join('\n')} `)
        .join('')
        .toLowerCase()
        .matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
        counts.set(word, (counts.get(word) ?? 0) + 1)
      }
      return text(counts)
    },
  },
  {
    name: 'Counter',
    Class: Counter,
    line: fc.constantFrom('', 'x', 'ä'),
    expected: streams => {
      const all = streams.flat()
      return `${all.length},${all.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0)}\n`
    },
  },
  {
    name: 'Distinct',
    Class: Distinct,
    line: fc.constantFrom('a', 'b', 'ab', '', 'ä'),
    expected: streams => [...new Set(streams.flat())].map(line => `${line}\n`).join(''),
  },
  {
    name: 'TopK',
    Class: TopK,
    params: { k: 2 },
    line: pair,
    ordered: true,
    expected: streams => {
      const sums = [...foldBy(streams.flat(), sumOf)]
      sums.sort(([a, x], [b, y]) => (x === y ? bytewise(a, b) : x > y ? -1 : 1))
      return text(sums.slice(0, 2))
    },
  },
  {
    name: 'Histogram',
    Class: Histogram,
    params: { bounds: [-10, 0, 0.5, 1e6] },
    line: fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.constantFrom('0', '-10', 'x,0.5', '.5', '1e6', '+3', '-0'),
    ),
    ordered: true,
    expected: streams => {
      const values = streams.flat().map(line => Number(line.slice(line.lastIndexOf(',') + 1)))
      const bounds = [-Infinity, -10, 0, 0.5, 1e6, Infinity]
      const count = (at: number): number => values.filter(value => value >= bounds[at]! && value < bounds[at + 1]!).length
      return bounds
        .slice(1)
        .map((to, at) => `${bounds[at]},${to},${count(at)}\n`)
        .join('')
    },
  },
  {
    name: 'Sorter by bytes',
    Class: Sorter,
    line: fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'ä', '漢', '🙂', '\uffff', 'abcdef'), maxLength: 5 }),
    ordered: true,
    expected: streams => {
      const lines = streams.flat().sort(bytewise)
      return lines.map(line => `${line}\n`).join('')
    },
  },
  {
    name: 'Sorter by number',
    Class: Sorter,
    params: { field: 2, numeric: true, reverse: true, separator: ';' },
    line: fc.tuple(fc.constantFrom('a', 'b'), quarter).map(([k, v]) => `${k};${v};x`),
    ordered: true,
    expected: streams => {
      const lines = streams.flat()
      const number = (line: string): number => Number(line.split(';')[1])
      lines.sort((a, b) => number(b) - number(a) || bytewise(b, a))
      return lines.map(line => `${line}\n`).join('')
    },
  },
  {
    name: 'Sorter by field',
    Class: Sorter,
    params: { field: 2 },
    line: fc
      .array(fc.constantFrom('', 'a', 'abcdefg', 'abcdefh', 'ä'), { minLength: 1, maxLength: 3 })
      .map(parts => parts.join(',')),
    ordered: true,
    expected: streams => {
      const lines = streams.flat()
      const part = (line: string): string => line.split(',')[1] ?? ''
      lines.sort((a, b) => bytewise(part(a), part(b)) || bytewise(a, b))
      return lines.map(line => `${line}\n`).join('')
    },
  },
  {
    name: 'Sample of all',
    Class: Sample,
    params: { size: 1000 },
    line: fc.constantFrom('a', 'b', ''),
    expected: streams =>
      streams
        .flat()
        .map(line => `${line}\n`)
        .join(''),
  },
  ...(['inner', 'left'] as const).map(
    (kind): Case => ({
      name: `Join ${kind}`,
      Class: Join,
      params: { kind },
      line: fc.constantFrom('a,1', 'a,2', 'b', 'b,', 'c,x,y', ',z'),
      head: stream => (stream % 2 === 0 ? 'left\n' : 'right\n'),
      expected: streams => {
        const left = streams.filter((_, at) => at % 2 === 0).flat()
        const right = streams.filter((_, at) => at % 2 === 1).flat()
        const keyOf = (line: string): string => line.split(',')[0]!
        return left
          .flatMap(line => {
            const partners = right.filter(other => keyOf(other) === keyOf(line))
            if (partners.length === 0) return kind === 'left' ? [`${line},\n`] : []
            return partners.map(other => `${line}${other.slice(keyOf(other).length)}\n`)
          })
          .join('')
      },
    }),
  ),
]

function cut(bytes: Buffer, borders: readonly number[]): Buffer[] {
  const at = [0, ...borders.map(border => border % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

async function resultOf(action: ActionDriver, { ordered }: Case): Promise<string> {
  return inOrder(await action.readText(), ordered)
}

function inOrder(output: string, ordered: boolean | undefined): string {
  return ordered ? output : output.split('\n').sort().join('\n')
}

describe.each(cases)('$name', one => {
  it('gives the same for any split over streams, any chunks and any interleaving as in one pass, and nothing of streams that die', async () => {
    const stream = fc.record({
      lines: fc.array(one.line, { maxLength: 12 }),
      borders: fc.array(fc.nat(200), { maxLength: 4 }),
      dies: fc.boolean(),
      again: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(stream, { maxLength: 5 }),
        fc.boolean(),
        fc.scheduler(),
        async (streams, interleaved, scheduler) => {
          await using action = await runAction(one.Class, { params: one.params, interleaved })
          const write = async (number: number): Promise<void> => {
            const { lines, borders, dies, again } = streams[number]!
            const bytes = Buffer.from(`${one.head?.(number) ?? ''}${lines.map(line => `${line}\n`).join('')}`)
            const chunks = async function* (fails: boolean): AsyncGenerator<Buffer> {
              const pieces = cut(bytes, borders)
              // All but the end: the worker is killed with everything written.
              for (const piece of pieces) yield await scheduler.schedule(Promise.resolve(piece))
              if (fails) throw new Error('the worker was killed')
            }
            const option = { key: `worker ${number}` }
            if (dies) await expect(action.write(chunks(true), option)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
            await action.write(chunks(false), option)
            if (again) await action.write(chunks(false), option)
          }
          await scheduler.waitFor(Promise.all(streams.map((_, number) => write(number))))
          const expected = inOrder(one.expected(streams.map(({ lines }) => lines)), one.ordered)
          expect(await resultOf(action, one)).toBe(expected)
        },
      ),
      { numRuns: 60 },
    )
  })
})
