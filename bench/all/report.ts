/** The report of a run, made of its results alone. */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { makeDirectory } from '../../server/make-directory.ts'
import type { Experiment, Plot } from '../experiment.ts'
import { markdownOf } from '../tables.ts'
import { draw } from './draw.ts'
import { outcomeOf, RESULTS, type Results } from './results.ts'
import { duration } from './time-left.ts'

export const REPORT = 'report.md'

/** The plots and the page that shows them. Answers the names of all files. */
export async function writeReport(folder: string, experiments: readonly Experiment[], results: Results): Promise<string[]> {
  await makeDirectory(folder)
  const plots = experiments.flatMap(experiment => plotsOf(experiment, results))
  for (const { name, spec } of plots) await writeFile(path.join(folder, `${name}.svg`), await draw(spec))
  await writeFile(path.join(folder, REPORT), reportOf(experiments, results))
  return [REPORT, ...plots.map(({ name }) => `${name}.svg`)]
}

function plotsOf(experiment: Experiment, results: Results): readonly Plot[] {
  const outcome = outcomeOf(results, experiment.name)
  return outcome ? experiment.plots(outcome) : []
}

/** The page in Markdown. */
export function reportOf(experiments: readonly Experiment[], results: Results): string {
  const ran = experiments.filter(({ name }) => results.experiments[name])
  const sections = [
    '# Report of the benchmarks',
    results.quick ? '**A quick run, in which nothing is measured: its figures and verdicts mean nothing.**' : '',
    machineText(results),
    paperSection(ran, results),
    ...ran.map(experiment => experimentSection(experiment, results)),
  ]
  return `${sections.filter(text => text !== '').join('\n\n')}\n`
}

function machineText({ startedAt, machine, versions }: Results): string {
  const { cpu, cores, memoryBytes, platform, kernel, loadAverage } = machine
  const gigabytes = (memoryBytes / 1e9).toFixed(0)
  const packages = Object.entries(versions.packages).map(([name, version]) => `${name} ${version}`)
  const commit = versions.commit === null ? '' : ` (${versions.commit})`
  return [
    `Measured from ${startedAt} on ${cores} cores of ${cpu}, ${gigabytes} GB of memory, ${platform}, kernel ${kernel}, with a load`,
    `of ${loadAverage.toFixed(2)} when it began. Glider ${versions.glider}${commit}, Node ${versions.node}, V8 ${versions.v8},`,
    `libuv ${versions.uv}, Redis ${versions.redis ?? 'not installed'}, ${packages.join(', ')}. Every raw round is in [${RESULTS}](${RESULTS}).`,
  ].join('\n')
}

/** All that the paper tells as well, in one table. */
function paperSection(experiments: readonly Experiment[], results: Results): string {
  const lines = experiments.flatMap(experiment => {
    const outcome = outcomeOf(results, experiment.name)
    return outcome ? experiment.paper(outcome) : []
  })
  if (lines.length === 0) return ''
  const rows = lines.map(({ what, ours, paper }) => [what, ours, paper])
  return `## Beside the paper\n\n${markdownOf({ caption: '', head: ['figure', 'this run', 'paper'], rows })}`
}

function experimentSection(experiment: Experiment, results: Results): string {
  const { name, command = name, title } = experiment
  const { seconds, ...result } = results.experiments[name]!
  const heading = `## ${title}\n\n\`npm run bench -- ${command}\`, ${duration(seconds)}`
  if ('failed' in result) return `${heading}. It has failed:\n\n\`\`\`text\n${result.failed}\n\`\`\``
  const plots = experiment.plots(result).map(({ name, caption }) => `![${caption}](${name}.svg)\n\n${caption}.`)
  return [`${heading}.`, ...experiment.tables(result).map(markdownOf), ...plots].join('\n\n')
}
