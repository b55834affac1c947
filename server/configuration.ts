import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, type Option } from 'commander'
import type { CommonFlags } from './flags.ts'

/** Not of the server itself, but of how it is told what it is. */
const META: ReadonlySet<string> = new Set(['--config', '--print-config'])

/**
 * What a server is told: on the command line, else in the environment, else in the file of `--config`, else by default. The file is
 * one JSON object with the flags' names, without their dashes, and what would be written behind them. Ends the process with an
 * error that names flag and file where something makes no sense; and after `--print-config`, which prints it all in that form.
 */
export function readConfiguration<Flags extends CommonFlags>(command: Command): Flags {
  dropEmpty(command)
  command.parse()
  readSwitches(command)
  const { config, printConfig } = command.opts<{ config?: string; printConfig?: boolean }>()
  if (config !== undefined) applyFile(command, config)
  if (printConfig) {
    process.stdout.write(`${JSON.stringify(configurationOf(command), undefined, 2)}\n`)
    process.exit(0)
  }
  return command.opts<Flags>()
}

/** What is there and empty is not given: so Compose and shells pass on what nobody has set. */
function dropEmpty(command: Command): void {
  for (const { envVar } of command.options) if (envVar !== undefined && process.env[envVar] === '') delete process.env[envVar]
}

const SWITCHES: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false }

/** Commander takes a switch for on as soon as it is in the environment, whatever is said there. */
function readSwitches(command: Command): void {
  for (const option of optionsOf(command)) {
    const { envVar } = option
    if (!option.isBoolean() || envVar === undefined || command.getOptionValueSource(option.attributeName()) !== 'env') continue
    const text = process.env[envVar] ?? ''
    const isOn = SWITCHES[text]
    if (isOn === undefined) command.error(`error: ${envVar}=${text}: It has to be true or false.`)
    command.setOptionValueWithSource(option.attributeName(), isOn, 'env')
  }
}

function applyFile(command: Command, file: string): void {
  for (const [name, value] of Object.entries(readObject(command, file))) {
    const option = optionsOf(command).find(({ long }) => long === `--${name}`)
    if (!option) command.error(`error: ${file}: there is no ${JSON.stringify(name)}: see --help for the names`)
    const attribute = option.attributeName()
    // What was said on the command line or in the environment goes first.
    const source = command.getOptionValueSource(attribute)
    if (source !== undefined && source !== 'default') continue
    command.setOptionValueWithSource(attribute, parsed(command, file, option, value), 'config')
  }
}

function readObject(command: Command, file: string): object {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    command.error(`error: --config: ${file} cannot be read: ${(error as Error).message}`)
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    command.error(`error: --config: ${file} holds no JSON object: write it like { "port": 9060, "log-level": "warn" }`)
  }
  return content
}

function parsed(command: Command, file: string, option: Option, value: unknown): unknown {
  const complain = (why: string): never => command.error(`error: ${file}: ${JSON.stringify(option.name())}: ${why}`)
  if (option.isBoolean()) return typeof value === 'boolean' ? value : complain('It has to be true or false.')
  const text = Array.isArray(value) ? value.join(',') : value
  if (typeof text !== 'string' && typeof text !== 'number') return complain('It has to be a string or a number.')
  try {
    return option.parseArg ? option.parseArg(`${text}`, undefined) : `${text}`
  } catch (error) {
    if (error instanceof InvalidArgumentError) return complain(error.message)
    throw error
  }
}

/** What holds, in the form of such a file. No flag is a secret, but the name of a file with one: what is in that is not in here. */
export function configurationOf(command: Command): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    optionsOf(command).flatMap(option => {
      const value: unknown = command.getOptionValue(option.attributeName())
      if (value === undefined) return option.isBoolean() ? [[option.name(), false]] : []
      const isTime = option.flags.endsWith('<time>')
      return [[option.name(), isTime ? `${value as number}ms` : value]]
    }),
  )
}

function optionsOf(command: Command): readonly Option[] {
  return command.options.filter(({ long }) => long && !META.has(long))
}
