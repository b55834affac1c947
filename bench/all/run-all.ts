import type { Experiment, Outcome, Progress, Scale } from '../experiment.ts'
import { machineFacts, versionFacts } from './machine.ts'
import type { ExperimentResult, Results } from './results.ts'
import { duration, TimeLeft } from './time-left.ts'

export interface Telling {
  /** A line that stays. */
  line(text: string): void
  /** What is done at the moment. */
  now: Progress
}

/** Of the time of an experiment that a quick run of it takes, about. */
const QUICK_SHARE = 0.08

/**
 * Runs one experiment after the other. One that fails says so in the results, and the others still run.
 * @param save is given the results so far after each
 */
export async function runAll(
  experiments: readonly Experiment[],
  scale: Scale,
  telling: Telling,
  save: (results: Results) => Promise<void>,
): Promise<Results> {
  const left = new TimeLeft(experiments.map(({ seconds }) => (scale.quick ? seconds * QUICK_SHARE : seconds)))
  const done: Record<string, ExperimentResult> = {}
  const begun = { format: 1, startedAt: new Date().toISOString(), quick: scale.quick } as const
  const facts = { ...begun, machine: machineFacts(), versions: await versionFacts() }
  for (const [at, experiment] of experiments.entries()) {
    const position = `[${at + 1}/${experiments.length}] ${experiment.name}`
    telling.line(`${position} begins; about ${duration(left.seconds)} left`)
    const start = performance.now()
    const result = await resultOf(experiment, scale, text => telling.now(`${position}: ${text}`))
    const seconds = (performance.now() - start) / 1_000
    left.finished(seconds)
    done[experiment.name] = { seconds, ...result }
    telling.line(`${position} ${'failed' in result ? 'has failed' : 'is done'} after ${duration(seconds)}`)
    await save({ ...facts, experiments: done })
  }
  return { ...facts, experiments: done }
}

async function resultOf(experiment: Experiment, scale: Scale, progress: Progress): Promise<Outcome | { failed: string }> {
  try {
    return await experiment.run(scale, progress)
  } catch (error) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
