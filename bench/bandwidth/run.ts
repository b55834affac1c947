import type { Progress } from '../experiment.ts'
import { type Section, sections } from './figures.ts'
import { measureFresh } from './fresh-stage.ts'
import { measureIdle } from './idle-stage.ts'
import { measureLarge } from './large-stage.ts'
import { measureLatency } from './latency-stage.ts'
import { measureMedium } from './medium-stage.ts'
import { measureMemory } from './memory-stage.ts'
import { measureSmall } from './small-stage.ts'
import type { Measured, Stage } from './stage.ts'
import { measureWebSocket } from './websocket-stage.ts'

export interface BandwidthOptions {
  readonly rounds: number
  /** What a figure of large operations moves in a round, in MiB. */
  readonly amount: number
  /** What is streamed to see how a client grows, in MiB; 0 leaves that out. */
  readonly stream: number
  readonly only: readonly Section[]
}

export const sectionNames = Object.keys(sections) as Section[]
export const defaults: BandwidthOptions = { rounds: 5, amount: 1024, stream: 4096, only: sectionNames }

const stages: Readonly<Record<Section, Stage>> = {
  large: measureLarge,
  medium: measureMedium,
  small: measureSmall,
  latency: measureLatency,
  websocket: measureWebSocket,
  fresh: measureFresh,
  memory: measureMemory,
  idle: measureIdle,
}

export async function runBandwidth(
  { rounds, amount, stream, only }: BandwidthOptions,
  progress: Progress,
): Promise<{ rounds: Measured }> {
  const measured: Measured = {}
  for (const [index, name] of only.entries()) {
    const tell = (text: string): void => progress(`${index + 1}/${only.length} ${sections[name]}: ${text}`)
    Object.assign(measured, await stages[name]({ rounds, amountMiB: amount, streamMiB: stream, progress: tell }))
  }
  return { rounds: measured }
}
