import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addActionCommands } from './action-commands.ts'
import { addCheckCommands } from './check-commands.ts'
import { addClusterCommands } from './cluster-commands.ts'
import { addDemoCommand } from './demo/command.ts'
import type { Failure, FailureFlags } from './failure.ts'
import { addFileCommands } from './file-commands.ts'
import { addGlobalFlags, globalFlagsOf } from './global-flags.ts'
import { addLeaseCommands } from './lease-commands.ts'
import { addNamespaceCommands } from './namespace-commands.ts'
import { addNewActionCommand } from './new-action-command.ts'
import { addNodeCommands } from './node-commands.ts'
import { type Io, Session } from './session.ts'
import { addTestCommand } from './test-command.ts'
import { addTopCommand } from './top-command.ts'
import { addUsageCommand } from './usage-command.ts'

/** The command `glider` with everything below it. Wrong usage is thrown, as a CommanderError, after `complain` was told of it. */
export function buildProgram(io: Io, complain: (failure: Failure) => void): Command {
  const program = new Command('glider')
    .description('An ephemeral in-memory store whose nodes can be actions.')
    .version(packageVersion())
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: text => void io.stdout.write(text),
      writeErr: text => void io.stderr.write(text),
      outputError: text => complain({ code: 'INVALID_ARGUMENT', message: usageLine(text) }),
    })
  addGlobalFlags(program)
  const session = new Session(io, () => globalFlagsOf(program))
  addClusterCommands(program, session)
  addTopCommand(program, session)
  addCheckCommands(program, session)
  addDemoCommand(program, session)
  addNodeCommands(program, session)
  addFileCommands(program, session)
  addLeaseCommands(program, session)
  addActionCommands(program, session)
  addNamespaceCommands(program, session)
  addUsageCommand(program, session)
  addNewActionCommand(program, session)
  addTestCommand(program, session)
  return program
}

/** Those that matter to a failure, also where it is the command line itself that cannot be understood. */
export function failureFlags(args: readonly string[]): FailureFlags {
  const end = args.indexOf('--')
  const own = end < 0 ? args : args.slice(0, end)
  return { json: own.includes('--json'), verbose: own.includes('--verbose') }
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
