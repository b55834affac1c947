import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { bandwidthTableExperiment } from '../bandwidth/table-experiment.ts'
import { addCompare } from '../compare/command.ts'
import type { Experiment } from '../experiment.ts'
import type { WayFigures } from '../experiments/figures.ts'
import { httpExperiment } from '../http/experiment.ts'
import { ratesExperiment } from '../rates.ts'
import { scaleExperiment } from '../scale/experiment.ts'
import { sizeExperiment } from '../size/experiment.ts'
import type { SizeFigures } from '../size/run.ts'
import { addAll } from './command.ts'
import type { MeasuredComparison } from './comparisons.ts'
import { sortExperiment } from './paper-experiments.ts'
import { registry } from './registry.ts'
import { REPORT, writeReport } from './report.ts'
import { assertWritable, RESULTS, type Results, readResults, writeResults } from './results.ts'
import { runAll } from './run-all.ts'
import { duration, TimeLeft } from './time-left.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'glider-bench-'))
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

const silent = { line: () => {}, now: () => {} }
const quick = { quick: true }

function measured(experiments: readonly Experiment[]): Promise<Results> {
  return runAll(experiments, quick, silent, results => writeResults(folder, results))
}

/** Of the one rate, so many rounds. */
function fake(name: string, values: readonly number[]): Experiment {
  const kinds = {
    base: { section: 's', unit: 'MB/s' },
    rate: { section: 's', unit: 'MB/s', targets: [{ of: ['base'], least: 0.9 }] },
  }
  return ratesExperiment({ name, title: name, seconds: 1, kinds, drawn: 's', run: async () => ({ base: [4], rate: values }) })
}

function way(seconds: number, bytes: number): WayFigures {
  return {
    seconds,
    phases: { P1: seconds / 2, P2: seconds / 2 },
    bytesMoved: bytes,
    ingestedBytes: bytes / 2,
    storedPeakBytes: 0,
    cpuSeconds: null,
  }
}

function compared(more?: Partial<MeasuredComparison>): Experiment {
  return sortExperiment(async wanted => ({ ...wanted, dataShipping: way(4, 4e6), nearData: way(2, 2e6), ...more }))
}

/** Every tag that is opened is closed, in order. */
function isWellFormed(xml: string): boolean {
  const open: string[] = []
  for (const [, closing, name, empty] of xml.matchAll(/<(\/?)([a-zA-Z][\w:-]*)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (closing) {
      if (open.pop() !== name) return false
    } else if (!empty) open.push(name!)
  }
  return open.length === 0
}

describe('a run of all', () => {
  test('measures, draws and tells', { timeout: 60_000 }, async () => {
    const experiments = [sizeExperiment, httpExperiment]
    const results = await measured(experiments)
    const files = await writeReport(folder, experiments, results)

    expect((await readdir(folder)).sort()).toEqual([...files, RESULTS].sort())
    expect(files).toEqual([REPORT, 'figure-5.6-size.svg', 'http.svg'])
    for (const file of files.slice(1)) {
      const svg = await readFile(path.join(folder, file), 'utf8')
      expect(svg).toMatch(/^<svg [^]*<\/svg>\s*$/)
      expect(isWellFormed(svg)).toBe(true)
      // Its title, for whoever sees it alone.
      expect(svg).toMatch(/>(Figure 5\.6: bandwidth of one file|HTTP faces under)/)
    }
    expect(await readResults(path.join(folder, RESULTS))).toEqual(results)

    const { size } = results.experiments as Record<string, { figures: SizeFigures; rounds: object }>
    expect(size!.figures.write.action.map(({ opBytes }) => opBytes)).toEqual([1 << 10, 1 << 20])
    expect(size!.figures.read.file[0]).toEqual({ opBytes: 1 << 10, MBps: expect.any(Number), batch: expect.any(Number) })
    expect(size!.rounds).toHaveProperty(['read 1MiB action'], {
      unit: 'MB/s',
      better: 'more',
      values: [expect.any(Number), expect.any(Number)],
    })
    expect(results.experiments['http']).toMatchObject({
      figures: { healthzActive: { requestsPerSecond: expect.any(Number), p99Ms: expect.any(Number) } },
    })
    expect(results).toMatchObject({
      machine: { cores: expect.any(Number), cpu: expect.any(String), kernel: expect.any(String) },
      versions: { node: process.version, packages: { vega: expect.any(String) } },
    })

    const page = await readFile(path.join(folder, REPORT), 'utf8')
    expect(page).toMatch(/\| write \| file \| action \| of the file \| to reach \|\n\| --- \|/)
    expect(page).toMatch(/\| Figure 5\.6: read .* \| \d\.\d\d of the file \(1MiB\) \| within 11 % of the file \|/)
    expect(page).toContain('](figure-5.6-size.svg)')
    expect(page).toMatch(/\| healthz, storage \| [\d,]+ \| \d+\.\d\d \|/)
  })

  test('has clients of their own read and write at the same time', { timeout: 60_000 }, async () => {
    const { rounds, figures } = await scaleExperiment.run(quick, () => {})
    const curve = { 1: expect.any(Number), 2: expect.any(Number) }
    const curves = { write: { file: curve, action: curve }, read: { file: curve, action: curve } }
    expect(figures).toEqual({ ...curves, cpuSecondsPerGB: curves })
    expect(rounds['read 2 action']).toEqual({ unit: 'MB/s', better: 'more', values: [expect.any(Number), expect.any(Number)] })
    expect(rounds['read 2 action CPU']).toMatchObject({ unit: 's/GB', better: 'less' })
    expect(scaleExperiment.tables({ rounds, figures })[0]!.rows.map(([clients]) => clients)).toEqual(['1', '2'])
  })

  test('has a table of throughput by the size of operations and by how many are in flight', { timeout: 60_000 }, async () => {
    const results = await measured([bandwidthTableExperiment])
    await writeReport(folder, [bandwidthTableExperiment], results)
    const page = await readFile(path.join(folder, REPORT), 'utf8')
    expect(page).toContain('`npm run bench -- bandwidth --table`')
    for (const direction of ['write', 'read']) {
      expect(page).toContain(`| ${direction} | ${[1, 2, 4, 6, 8, 16].map(count => `${count} in flight`).join(' | ')} | stream |`)
    }
    expect(page.match(/^\| (16|1024) KiB \|( [\d,]+ \|){7}$/gm)).toHaveLength(4)
  })

  test('says what is not installed, and what has nothing to be held against', async () => {
    const kinds = {
      rate: { section: 's', unit: 'MB/s', targets: [{ of: ['peer'], least: 2 }] },
      peer: { section: 's', unit: 'MB/s', absent: 'not installed' },
      other: { section: 'not asked for', unit: 'MB/s', absent: 'not installed' },
    }
    const rates = ratesExperiment({ name: 'r', title: 'r', seconds: 1, kinds, run: async () => ({ rate: [3] }) })
    await writeReport(folder, [rates], await measured([rates]))
    const page = await readFile(path.join(folder, REPORT), 'utf8')
    expect(page).toContain('| rate | 3.00 MB/s |  | peer | at least 2: nothing to hold it against |\n| peer | not installed |')
    expect(page).not.toContain('not asked for')
  })

  test('goes on where one experiment fails, and says why', async () => {
    const failing: Experiment = { ...fake('broken', []), run: () => Promise.reject(new Error('the store is on fire')) }
    const lines: string[] = []
    const results = await runAll(
      [failing, fake('whole', [3])],
      quick,
      { ...silent, line: text => lines.push(text) },
      async () => {},
    )
    expect(results.experiments).toMatchObject({
      broken: { failed: expect.stringContaining('on fire') },
      whole: { figures: { rate: 3 } },
    })
    expect(lines.map(line => line.replace(/(after|about) .*/, '$1'))).toEqual([
      '[1/2] broken begins; about',
      '[1/2] broken has failed after',
      '[2/2] whole begins; about',
      '[2/2] whole is done after',
    ])
    await writeReport(folder, [failing, fake('whole', [])], results)
    const page = await readFile(path.join(folder, REPORT), 'utf8')
    expect(page).toContain('It has failed:\n\n```text\nError: the store is on fire')
    expect(page).toContain('| rate | 3.00 MB/s | 0.75 | base | at least 0.9: missed |')
  })

  test('tells both ways of doing the work, and what the paper says of them', async () => {
    const rounds = { dataShipping: [way(3, 4e6), way(5, 4e6)], nearData: [way(2, 2e6), way(2, 2e6)] }
    const results = await measured([compared({ rounds, inputBytes: 40e6, bound: 0.8 })])
    await writeReport(folder, [compared()], results)
    const page = await readFile(path.join(folder, REPORT), 'utf8')
    expect(page).toContain('| Figure 5.9: bytes moved (2 workers, no limit) | −50.0 % | −50 % |')
    expect(page).toContain('| time | 4.00 s | 2.00 s | 0.500 | −50.0 % | at most 1 |')
    expect(page).toContain('| CPU of all processes | – | – |  |  |  |')
    expect(page).toContain('| throughput of 40 MB | 10.00 MB/s | 20.00 MB/s | 2.000 | +100.0 % |  |')
    expect(page).toContain('(G+P)/(G+2P) |  |  | 0.800 |  |  |')
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['figure-5.8-sort-time.svg', 'figure-5.9-sort-bytes.svg']))
    expect(results.experiments['sort']).toMatchObject({
      rounds: {
        '2 workers, no limit, data-shipping, time': { unit: 's', better: 'less', values: [3, 5] },
        '2 workers, no limit, data-shipping, time of P2': { unit: 's', better: 'less', values: [1.5, 2.5] },
      },
      figures: [{ workers: 2, workerBandwidth: null, nearData: { seconds: 2 }, inputBytes: 40e6, bound: 0.8 }],
    })
  })

  test('can be compared with another', async () => {
    const save = async (name: string, values: readonly number[]): Promise<string> => {
      await writeResults(path.join(folder, name), await runAll([fake('a', values)], quick, silent, async () => {}))
      return path.join(folder, name, RESULTS)
    }
    const [before, after] = [await save('before', [10, 11, 12, 13, 14]), await save('after', [20, 21, 22, 23, 24])]
    const told = vi.spyOn(console, 'log').mockImplementation(() => {})
    const program = new Command()
    addCompare(program)
    await program.parseAsync(['compare', before, after], { from: 'user' })
    const text = told.mock.calls.flat().join('\n')
    expect(text).toMatch(/^rate +12 MB\/s +22 MB\/s +1\.83 +1\.43–2\.40 +better$/m)
    expect(text).toMatch(/2 figures: 1 better, 1 too few rounds \(99 % intervals/)
  })
})

describe('a folder for a report', () => {
  test('is made with those above it, and keeps what is there until there is more', async () => {
    const deep = path.join(folder, 'a', 'b')
    await assertWritable(deep)
    await writeFile(path.join(deep, RESULTS), 'kept')
    await assertWritable(deep)
    expect(await readFile(path.join(deep, RESULTS), 'utf8')).toBe('kept')
  })

  test('that cannot be written to is refused before anything is measured', async () => {
    const file = path.join(folder, 'file')
    await writeFile(file, '')
    for (const wrong of [file, path.join(file, 'below'), '/proc/glider-bench/below']) {
      const program = new Command()
      addAll(program)
      const running = program.parseAsync(['all', '--quick', '--only', 'size', '--report', wrong], { from: 'user' })
      await expect(running).rejects.toThrow(`cannot be written to ${wrong}`)
    }
  })
})

describe('a file that is to be results', () => {
  const good: Results = {
    format: 1,
    startedAt: '',
    quick: true,
    machine: { cpu: '', cores: 1, memoryBytes: 1, platform: '', kernel: '', loadAverage: 0 },
    versions: { glider: '', commit: null, node: '', v8: '', uv: '', redis: null, packages: {} },
    experiments: { a: { seconds: 1, failed: 'why' }, b: { seconds: 1, rounds: {}, figures: null } },
  }
  const samples = { unit: 'MB/s', better: 'more', values: [1, 2] }
  const withRounds = (rounds: unknown): object => ({ ...good, experiments: { a: { seconds: 1, rounds, figures: {} } } })

  test('is read where it is whole', async () => {
    for (const whole of [good, withRounds({ x: samples })]) {
      await writeFile(path.join(folder, RESULTS), JSON.stringify(whole))
      expect(await readResults(path.join(folder, RESULTS))).toEqual(whole)
    }
  })

  test('is refused where it is anything else, with what to name instead', async () => {
    const odd = [null, [], {}, { ...good, format: 2 }, { ...good, machine: {} }, { ...good, experiments: { a: {} } }]
    const rounds = [
      { x: 1 },
      { x: { ...samples, values: [] } },
      { x: { ...samples, values: ['1'] } },
      { x: { ...samples, better: '' } },
    ]
    const texts = ['', 'garbage', '{', ...[...odd, ...rounds.map(withRounds)].map(value => JSON.stringify(value))]
    const file = path.join(folder, RESULTS)
    for (const text of texts) {
      await writeFile(file, text)
      await expect(readResults(file)).rejects.toThrow(/has no results of benchmarks: name a results\.json/)
    }
    await expect(readResults(path.join(folder, 'none'))).rejects.toThrow(/none cannot be read \(ENOENT.*: name a results\.json/)
    await expect(readResults(folder)).rejects.toThrow(/cannot be read \(EISDIR/)
  })
})

test('the registry has every experiment once', () => {
  const names = registry.map(({ name }) => name)
  expect(names).toEqual([...new Set(names)])
  expect(names).toEqual(expect.arrayContaining(['metadata', 'directory', 'actions', 'size', 'scale', 'http']))
})

test('the time left goes by what is done already', () => {
  const left = new TimeLeft([10, 20, 30])
  expect(left.seconds).toBe(60)
  left.finished(20)
  expect(left.seconds).toBe(100)
  left.finished(40)
  left.finished(60)
  expect(left.seconds).toBe(0)
  expect([duration(59.4), duration(60), duration(605)]).toEqual(['59 s', '1 min 00 s', '10 min 05 s'])
})
