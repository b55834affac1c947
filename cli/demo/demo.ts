import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import PQueue from 'p-queue'
import { type CallOptions, StoreClient } from '../../client/index.ts'
import { LocalCluster } from '../../cluster/index.ts'
import type { Stopwatch } from '../clock.system.ts'
import type { Output } from '../session.ts'
import { difference } from './answers.ts'
import { Corpus, loadText } from './corpus.ts'
import { Helpers } from './helpers.ts'
import { Meter, type WayFigures } from './meter.ts'
import { PhaseDisplay } from './phase-display.ts'
import { sortByShipping, sortNearData } from './sort.ts'
import { Way } from './stage.ts'
import { countByShipping, countNearData } from './word-count.ts'

const STORAGE_SERVERS = 2
const PARTS_AT_ONCE = 4

export interface DemoOptions {
  /** Bytes of text. */
  readonly size: number
  readonly workers: number
  readonly reducers: number
  /** File of this machine; without one, the text that development installs. */
  readonly text?: string
}

export interface DemoSurroundings {
  readonly progress: Output
  readonly now: Stopwatch
  readonly signal: AbortSignal
}

export interface JobFigures {
  readonly dataShipping: WayFigures
  readonly nearData: WayFigures
}

export interface DemoReport {
  /** Whether both ways of both jobs gave what an independent process found. */
  readonly verified: boolean
  readonly inputBytes: number
  readonly workers: number
  readonly reducers: number
  readonly wordcount: JobFigures
  readonly sort: JobFigures
}

/** Runs both jobs in both ways on a cluster of its own. All processes that it starts have ended when it resolves or rejects. */
export async function runDemo(
  options: DemoOptions,
  surroundings: DemoSurroundings,
): Promise<{ report: DemoReport; differences: string[] }> {
  const { size, text, reducers } = options
  const { signal } = surroundings
  const call = { signal }
  const display = new PhaseDisplay(surroundings.progress, surroundings.now)
  // First, since it fails for reasons that the user can do something about.
  const corpus = new Corpus(await loadText(text, size), size)
  const inputBytes = corpus.bytes

  await using helpers = new Helpers(signal)
  const { result } = await display.phase('start the cluster', 0, () => startCluster(inputBytes, options))
  await using cluster = result
  await using store = await StoreClient.connect(cluster.address, call)
  const { result: inputs } = await display.phase('store the text', inputBytes, progress =>
    storeText(store, corpus.parts(options.workers), call, progress),
  )
  const common = { address: cluster.address, store, call, inputs, inputBytes, reducers, display }
  /** With new workers, so that none is warm from what another way did; nothing that one way stores is there in the next. */
  const runWay = <A>(label: string, run: (way: Way) => Promise<A>): Promise<{ figures: WayFigures; answer: A }> =>
    helpers.withWorkers(Math.max(options.workers, reducers), async workers => {
      const way = await Way.begin({ ...common, workers }, label, new Meter())
      const answer = await run(way)
      await way.end()
      return { figures: way.meter.figures(), answer }
    })

  const shippedCount = await runWay('word count, data-shipping', countByShipping)
  const nearCount = await runWay('word count, near-data', countNearData)
  const shippedSort = await runWay('sort, data-shipping', sortByShipping)
  const nearSort = await runWay('sort, near-data', sortNearData)

  const { result: expected } = await display.phase('count and sort independently', 0, () => helpers.check({ text, bytes: size }))
  const differences = [
    difference('word count, data-shipping,', shippedCount.answer, expected.wordcount),
    difference('word count, near-data,', nearCount.answer, expected.wordcount),
    difference('sort, data-shipping,', shippedSort.answer, expected.sort),
    difference('sort, near-data,', nearSort.answer, expected.sort),
  ].filter(found => found !== undefined)
  const report = {
    verified: differences.length === 0,
    inputBytes,
    workers: options.workers,
    reducers,
    wordcount: { dataShipping: shippedCount.figures, nearData: nearCount.figures },
    sort: { dataShipping: shippedSort.figures, nearData: nearSort.figures },
  }
  return { report, differences }
}

/** Room for the text, what is made of it and the results, with plenty to spare: memory is taken only as it is needed. */
function startCluster(bytes: number, { workers, reducers }: DemoOptions): Promise<LocalCluster> {
  const filesBytes = (workers + 2) * (reducers + 1) * (8 << 20)
  return LocalCluster.start({
    storageServers: STORAGE_SERVERS,
    activeServers: 1,
    capacity: Math.ceil((6 * bytes + filesBytes) / STORAGE_SERVERS),
    slots: 2 * reducers,
  })
}

/** One file for each map worker. */
async function storeText(
  store: StoreClient,
  parts: readonly Buffer[][],
  call: CallOptions,
  progress: (bytes: number) => void,
): Promise<string[]> {
  const queue = new PQueue({ concurrency: PARTS_AT_ONCE })
  return queue.addAll(
    parts.map((pieces, worker) => async () => {
      const path = `/demo/text/part-${worker}`
      const file = await store.create(path, 'file', { parents: true, ...call })
      await pipeline(Readable.from(pieces), file.createWriteStream(call), call)
      for (const { length } of pieces) progress(length)
      return path
    }),
  )
}
