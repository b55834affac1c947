import { Command, InvalidArgumentError, Option } from 'commander'
import { splitAddress } from '../protocol/dial.system.ts'
import { defaultLimits, type Limits, limitFlags } from '../protocol/limits.ts'
import { checkClassName } from '../protocol/storage-class.ts'
import { parseDuration, parseSize, parseSizeWithin } from '../protocol/units.ts'
import { DEFAULT_DRAIN_MS } from './drain.ts'
import { logLevels } from './log.ts'

/** What can be said to every server. */
export interface CommonFlags {
  readonly host: string
  readonly port: number
  readonly advertise?: string
  readonly spin?: boolean
  readonly clusterSecretFile?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsCa?: string
  readonly maxConnections: number
  readonly maxStreams: number
  readonly maxOperations: number
  readonly connectionMemory: number
  readonly bufferMemory: number
  readonly drain: number
  readonly logLevel: (typeof logLevels)[number]
}

export function limitsOf(flags: CommonFlags): Limits {
  const { maxConnections, maxStreams, maxOperations, connectionMemory, bufferMemory } = flags
  return {
    connections: maxConnections,
    streams: maxStreams,
    operations: maxOperations,
    connectionBytes: connectionMemory,
    bufferBytes: bufferMemory,
  }
}

/** What a server exits with whose command line makes no sense, as the command does. */
const WRONG_COMMAND_LINE = 2

/** A command with the flags that all servers share, for {@link readConfiguration}. Each may also be given as `GLIDER_…` in the environment. */
export function serverCommand(name: string, description: string, defaultPort: number): Command {
  return new Command(name)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : WRONG_COMMAND_LINE))
    .description(description)
    .addOption(flag('--host <address>', 'address to listen on').default('127.0.0.1'))
    .addOption(flag('--port <number>', 'port to listen on; 0 takes any free one').default(defaultPort).argParser(portFlag))
    .addOption(
      flag(
        '--advertise <host:port>',
        'address that clients and servers reach this server by (default: what is bound, where that is one address)',
      ).argParser(addressFlag),
    )
    .addOption(
      flag('--cluster-secret-file <file>', 'what the servers of the cluster know each other by; also as GLIDER_CLUSTER_SECRET'),
    )
    .addOption(flag('--tls-cert <file>', 'certificate, in PEM: the port speaks TLS, and so do all servers of the cluster'))
    .addOption(flag('--tls-key <file>', 'its key'))
    .addOption(flag('--tls-ca <file>', 'who has signed the certificates of the other servers (default: whom Node trusts)'))
    .addOption(
      flag(
        '--spin',
        'keeps turning for up to 0.4 ms after each request, so that the next is answered sooner; takes CPU, as long as it is used',
      ),
    )
    .addOption(countLimit('connections', 'connections with frames; more are refused'))
    .addOption(countLimit('streams', 'streams open on one connection; more are refused'))
    .addOption(countLimit('operations', 'requests of one connection under way; more wait a moment, and are refused then'))
    .addOption(sizeLimit('connectionBytes', '320MiB', 'what is buffered for, or promised to, one connection'))
    .addOption(sizeLimit('bufferBytes', '1GiB', 'what is buffered for, or promised to, all connections'))
    .addOption(
      flag('--drain <time>', 'how long what runs may take to finish after SIGTERM or SIGINT; nothing new is taken meanwhile')
        .default(DEFAULT_DRAIN_MS, '30s')
        .argParser(durationFlag),
    )
    .addOption(flag('--log-level <level>', 'least severe level that is logged').choices(logLevels).default('info'))
    .addOption(flag('--config <file>', 'JSON object with what is said neither here nor in the environment: {"port": 9060}'))
    .option('--print-config', 'print all that holds, in the form of such a file, and exit')
}

/** An option that also reads its value from the environment: `--block-size` from `GLIDER_BLOCK_SIZE`. */
export function flag(flags: string, description: string): Option {
  const name = /--([a-z-]+)/.exec(flags)![1]!
  return new Option(flags, description).env(`GLIDER_${name.toUpperCase().replaceAll('-', '_')}`)
}

function countLimit(name: keyof Limits, description: string): Option {
  return flag(`${limitFlags[name]} <number>`, description).default(defaultLimits[name]).argParser(countFlag)
}

function sizeLimit(name: keyof Limits, shown: string, description: string): Option {
  return flag(`${limitFlags[name]} <size>`, description).default(defaultLimits[name], shown).argParser(sizeFlag)
}

export function addressFlag(text: string): string {
  refused(() => splitAddress(text))
  return text
}

export function portFlag(text: string): number {
  return wholeNumber(text, 0, 65535)
}

export function countFlag(text: string): number {
  return wholeNumber(text, 1, 1_000_000)
}

export function countOrNoneFlag(text: string): number {
  return wholeNumber(text, 0, 1_000_000)
}

export function sizeFlag(text: string): number {
  return refused(() => parseSize(text))
}

/** The parser of a size that makes sense from here to there. */
export function sizeWithinFlag(least: number, most?: number): (text: string) => number {
  return text => refused(() => parseSizeWithin(text, least, most))
}

export function classFlag(text: string): string {
  return refused(() => checkClassName(text))
}

/** Several, separated by commas. */
export function classesFlag(text: string): readonly string[] {
  return text.split(',').map(name => classFlag(name.trim()))
}

export function durationFlag(text: string): number {
  return refused(() => parseDuration(text))
}

function wholeNumber(text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new InvalidArgumentError(`It has to be a whole number from ${least} to ${most}.`)
}

function refused<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}
