import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { addActionCommands } from './action-commands.ts'
import { addCheckCommands } from './check-commands.ts'
import { addClusterCommands } from './cluster-commands.ts'
import { addDemoCommand } from './demo/command.ts'
import { addFileCommands } from './file-commands.ts'
import { addLeaseCommands } from './lease-commands.ts'
import { addNewActionCommand } from './new-action-command.ts'
import { addNodeCommands } from './node-commands.ts'
import { type GlobalFlags, type Io, Session } from './session.ts'
import { addTestCommand } from './test-command.ts'

const DEFAULT_ADDRESS = 'http://127.0.0.1:9060'

/** The command `glider` with everything below it. Wrong usage is thrown, as a CommanderError, after one line about it. */
export function buildProgram(io: Io): Command {
  const program = new Command('glider')
    .description('An ephemeral in-memory store whose nodes can be actions.')
    .version(packageVersion())
    .addOption(new Option('--address <url>', 'where the metadata server is').env('GLIDER_ADDRESS').default(DEFAULT_ADDRESS))
    .addOption(new Option('--token <token>', 'who is asking').env('GLIDER_TOKEN'))
    .option('--json', 'answer in JSON, for programs')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: text => void io.stdout.write(text),
      writeErr: text => void io.stderr.write(text),
      outputError: (text, write) => write(`glider: INVALID_ARGUMENT: ${usageLine(text)}\n`),
    })
  const session = new Session(io, () => program.opts<GlobalFlags>())
  addClusterCommands(program, session)
  addCheckCommands(program, session)
  addDemoCommand(program, session)
  addNodeCommands(program, session)
  addFileCommands(program, session)
  addLeaseCommands(program, session)
  addActionCommands(program, session)
  addNewActionCommand(program, session)
  addTestCommand(program, session)
  return program
}

/** Commander's complaints begin with `error: `, and hints are on a line of their own. */
function usageLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ')
}

function packageVersion(): string {
  // The compiled files lie one folder deeper than the manifest.
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { readonly version: string }).version
}
