import path from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { Experiment } from '../experiment.ts'
import { endProgress, showProgress } from '../progress.ts'
import { registry } from './registry.ts'
import { writeReport } from './report.ts'
import { assertWritable, RESULTS, type Results, readResults, writeResults } from './results.ts'
import { runAll } from './run-all.ts'

const names = registry.map(({ name }) => name).join(', ')

interface Options {
  readonly report: string
  readonly only?: readonly Experiment[]
  readonly quick?: boolean
  readonly again?: boolean
}

export function addAll(program: Command): void {
  program
    .command('all')
    .description('every experiment, and a report with plots of all of them')
    .requiredOption('--report <folder>', 'where results.json, the plots and report.md go')
    .option('--only <names>', `some of them, with commas between: ${names}`, named)
    .option('--quick', 'everything tiny: to see that it works, not how fast')
    .option('--again', 'measure nothing, and make the report of the results that are there already')
    .action(all)
}

async function all({ report, only = registry, quick = false, again = false }: Options): Promise<void> {
  const results = again ? await readResults(path.join(report, RESULTS)) : await measure(only, quick, report)
  const files = await writeReport(report, registry, results)
  for (const file of [RESULTS, ...files]) console.log(path.join(report, file))
  const failed = Object.entries(results.experiments).filter(([, result]) => 'failed' in result)
  for (const [name] of failed) console.error(`${name} has failed: the report says why`)
  if (failed.length > 0) process.exitCode = 1
}

async function measure(experiments: readonly Experiment[], quick: boolean, report: string): Promise<Results> {
  await assertWritable(report)
  const telling = {
    line(text: string) {
      endProgress()
      console.error(text)
    },
    now: showProgress,
  }
  return runAll(experiments, { quick }, telling, results => writeResults(report, results))
}

function named(text: string): Experiment[] {
  return text.split(',').map(name => {
    const experiment = registry.find(one => one.name === name)
    if (experiment) return experiment
    throw new InvalidArgumentError(`There is no experiment ${name}: name some of ${names}.`)
  })
}
