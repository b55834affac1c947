import type { StoreClient } from '../../client/index.ts'
import { forEachLine } from './lines.ts'
import { openInput, openOutput, openOutputs } from './task-io.ts'
import type { Outputs } from './tasks.ts'
import { WordCounts } from './word-counts.ts'

type Progress = (bytes: number) => void

/** Counts first and sends sums: what travels is one line for each word, not for each time it occurs. */
export async function countWords(store: StoreClient, input: string, outputs: Outputs, progress: Progress): Promise<void> {
  const counts = new WordCounts()
  await forEachLine(await openInput(store, input), (chunk, start, end) => counts.addText(chunk, start, end), progress)
  const parts = counts.partition(outputs.paths.length)
  const streams = await openOutputs(store, outputs)
  await Promise.all(
    streams.map(async (stream, reducer) => {
      await stream.write(parts[reducer]!)
      await stream.end()
    }),
  )
}

export async function mergeCounts(
  store: StoreClient,
  inputs: readonly string[],
  output: string,
  progress: Progress,
): Promise<void> {
  const counts = new WordCounts()
  for (const input of inputs) {
    await forEachLine(await openInput(store, input), (chunk, start, end) => counts.addLine(chunk, start, end), progress)
  }
  const stream = await openOutput(store, output)
  for (const lines of counts.partition(1)) await stream.write(lines)
  await stream.end()
}
