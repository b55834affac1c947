import { type Command, Option } from 'commander'
import { GliderError } from '../../client/index.ts'
import { systemStopwatch } from '../clock.system.ts'
import { size, wholeNumber } from '../flags.ts'
import type { Session } from '../session.ts'
import { type DemoOptions, runDemo } from './demo.ts'
import { reportLines } from './report.ts'

const MOST_PROCESSES = 64

export function addDemoCommand(program: Command, session: Session): void {
  program
    .command('demo')
    .description('count and sort the words and lines of a text on a cluster of its own, by shipping data and near the data')
    .addOption(new Option('--size <size>', 'bytes of text').argParser(size).default(64 << 20, '64MiB'))
    .option('--workers <number>', 'map workers', wholeNumber(1, MOST_PROCESSES), 4)
    .option('--reducers <number>', 'reduce workers, or actions in their place', wholeNumber(1, MOST_PROCESSES), 4)
    .option('--text <file>', 'text to lay end to end (default: a book that development installs)')
    .action((options: DemoOptions) => demo(session, options))
}

async function demo(session: Session, options: DemoOptions): Promise<void> {
  const { stderr, signal } = session.io
  const { report, differences } = await runDemo(options, { progress: stderr, now: systemStopwatch, signal })
  session.answer(report, () => reportLines(report))
  if (differences.length > 0) throw new GliderError('INTERNAL', differences.join('; '))
}
