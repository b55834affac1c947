/** Word count in two ways. Both combine in the map workers, by the same code; they differ in where the sums meet. */
import { buffer } from 'node:stream/consumers'
import { type CountAnswer, countAnswer } from './answers.ts'
import type { Way } from './stage.ts'

/** Through files: reduce workers read what all map workers have written for them. */
export async function countByShipping(way: Way): Promise<CountAnswer> {
  const { inputs, store, call } = way.stage
  const shipped = inputs.map((_, worker) => way.perReducer(`map-${worker}/reducer`))
  await way.tasks(
    'map',
    inputs.map((input, worker) => ({
      kind: 'countWords',
      input,
      outputs: { kind: 'files', paths: shipped[worker]!, key: `map-${worker}` },
    })),
  )
  const intermediateBytes = await way.storedSinceBegin()
  way.meter.stored(intermediateBytes)
  const results = way.perReducer('result')
  await way.tasks(
    'reduce',
    results.map((output, reducer) => ({ kind: 'mergeCounts', inputs: shipped.map(paths => paths[reducer]!), output })),
    intermediateBytes,
  )
  return answerOf(await Promise.all(results.map(path => store.get(path, call))))
}

/** Through actions: they add up while lines arrive, and hold the result. */
export async function countNearData(way: Way): Promise<CountAnswer> {
  const { inputs, store, call } = way.stage
  const actions = way.perReducer('merge')
  await way.createActions(actions, 'std/Merge')
  await way.tasks(
    'map',
    inputs.map((input, worker) => ({
      kind: 'countWords',
      input,
      outputs: { kind: 'actions', paths: actions, key: `map-${worker}` },
    })),
  )
  const before = store.counters()
  const storedInBlocks = await way.storedSinceBegin()
  const results = await way.phase('result', 0, () =>
    Promise.all(actions.map(async path => buffer((await store.lookup(path, 'action', call)).createReadStream(call)))),
  )
  const after = store.counters()
  const heldBytes = after.bytesReceived - before.bytesReceived
  way.meter.moved({
    bytesSent: after.bytesSent - before.bytesSent,
    bytesReceived: heldBytes,
    transfers: after.transfers - before.transfers,
  })
  way.meter.stored(storedInBlocks + heldBytes)
  return answerOf(results)
}

function answerOf(results: readonly Buffer[]): CountAnswer {
  return countAnswer(results.flatMap(result => result.toString('latin1').split('\n').slice(0, -1)))
}
