/** Sort in two ways. Both split by the same ranges; they differ in who sorts, and so in how often the lines travel. */
import { GliderError } from '../../client/index.ts'
import { type SortAnswer, SortDigest } from './answers.ts'
import { chooseBorders } from './ranges.ts'
import type { Way } from './stage.ts'
import type { Outputs } from './tasks.ts'

/** Through files: reduce workers read what all map workers have written for them, sort it and write it. */
export async function sortByShipping(way: Way): Promise<SortAnswer> {
  const { inputs } = way.stage
  const shipped = inputs.map((_, worker) => way.perReducer(`map-${worker}/reducer`))
  await split(way, worker => ({ kind: 'files', paths: shipped[worker]!, key: `map-${worker}` }))
  way.meter.stored(await way.storedSinceBegin())
  const results = way.perReducer('result')
  await way.tasks(
    'reduce',
    results.map((output, reducer) => ({ kind: 'sortLines', inputs: shipped.map(paths => paths[reducer]!), output })),
  )
  return answerOf(way, results)
}

/** Through actions: they take the lines, sort them and write them, within the store. */
export async function sortNearData(way: Way): Promise<SortAnswer> {
  const actions = way.perReducer('sorter')
  await way.createActions(actions, 'std/Sorter')
  await split(way, worker => ({ kind: 'actions', paths: actions, key: `map-${worker}` }))
  way.meter.stored((await way.storedSinceBegin()) + (await heldBytes(way, actions)))
  const results = way.perReducer('result')
  await way.tasks(
    'finish',
    results.map((output, reducer) => ({ kind: 'finishSorter', action: actions[reducer]!, output })),
  )
  return answerOf(way, results)
}

/** Range partitioning: from a sample of every input, borders that give each reducer about as much. */
async function split(way: Way, outputs: (worker: number) => Outputs): Promise<void> {
  const { inputs, reducers } = way.stage
  const sampled = await way.tasks(
    'sample',
    inputs.map(input => ({ kind: 'sampleLines', input })),
  )
  const borders = chooseBorders(
    sampled.flatMap(({ samples = [] }) => samples),
    reducers,
  )
  await way.tasks(
    'map',
    inputs.map((input, worker) => ({ kind: 'splitLines', input, borders, outputs: outputs(worker) })),
  )
}

/** What sorters would give to a reader, by their own count: asking for it is no part of the job. */
async function heldBytes(way: Way, actions: readonly string[]): Promise<number> {
  const { store, call } = way.stage
  const sizes = await Promise.all(
    actions.map(async path => {
      const size = await (await store.lookup(path, 'action', call)).call('size', undefined, call)
      if (typeof size === 'object' && size !== null && 'bytes' in size && typeof size.bytes === 'number') return size.bytes
      throw new GliderError('INTERNAL', `the sorter ${path} tells no bytes: ${JSON.stringify(size)}`)
    }),
  )
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}

async function answerOf(way: Way, results: readonly string[]): Promise<SortAnswer> {
  const { store, call } = way.stage
  const digest = new SortDigest()
  for (const path of results) {
    const file = await store.lookup(path, 'file', call)
    for await (const piece of file.createReadStream(call) as AsyncIterable<Buffer>) digest.add(piece)
  }
  return digest.answer()
}
