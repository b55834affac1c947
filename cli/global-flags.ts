/** What can be said to every command. On the command line it counts before the environment, where what is empty is not there. */
import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseAddress } from '../client/address.ts'
import { isPem } from '../client/connect-options.ts'
import { wrongUsage } from './exit.ts'

const DEFAULT_ADDRESS = 'http://127.0.0.1:9060'

export interface GlobalFlags {
  readonly address: string
  readonly operationIds: boolean
  readonly json: boolean
  /** @throws Exit where two are given, or the file of one cannot be read */
  token(): string | undefined
  /** In PEM. @throws Exit where its file cannot be read, or has none */
  tlsCa(): string | undefined
}

interface Given {
  readonly address: string
  readonly token?: string
  readonly tokenFile?: string
  readonly tlsCa?: string
  readonly operationIds?: boolean
  readonly json?: boolean
}

export function addGlobalFlags(program: Command): void {
  const trust = 'with https:// and wss://: whom to trust (default: whom Node trusts)'
  const ids = 'give each operation on actions an id, which logs and errors name'
  program
    .addOption(option('--address <url>', 'where the metadata server is').argParser(address).default(DEFAULT_ADDRESS))
    .addOption(option('--token <token>', 'who is asking'))
    .addOption(option('--token-file <file>', 'who is asking, in a file'))
    .addOption(option('--tls-ca <file>', trust))
    .addOption(option('--operation-ids', ids))
    .option('--json', 'answer in JSON, for programs; a failure as well, on stderr')
    .option('--verbose', 'show where the code of an action threw, and the id of the operation, too')
}

/** To be asked once the command line has been read. */
export function globalFlagsOf(program: Command): GlobalFlags {
  const { address: url, operationIds = false, json = false, tlsCa } = program.opts<Given>()
  // Commander takes it for on as soon as it is in the environment, whatever is said there.
  const isDenied = program.getOptionValueSource('operationIds') === 'env' && isNo(process.env.GLIDER_OPERATION_IDS)
  return {
    address: url,
    operationIds: operationIds && !isDenied,
    json,
    token: () => tokenOf(program),
    tlsCa: () => (tlsCa === undefined ? undefined : certificatesIn(tlsCa)),
  }
}

function option(flags: string, description: string): Option {
  const variable = `GLIDER_${/--([a-z-]+)/.exec(flags)![1]!.toUpperCase().replaceAll('-', '_')}`
  const made = new Option(flags, description)
  return process.env[variable] === '' ? made : made.env(variable)
}

function isNo(text: string | undefined): boolean {
  return text === '0' || text === 'false'
}

function address(text: string): string {
  try {
    parseAddress(text)
  } catch {
    throw new InvalidArgumentError('It has to be like http://host:port.')
  }
  return text
}

/** Of a token and a file with one, what is on the command line; neither is guessed to be the right one where both are, or none is. */
function tokenOf(program: Command): string | undefined {
  const { token, tokenFile } = program.opts<Given>()
  if (tokenFile === undefined) return token
  if (token === undefined) return tokenIn(tokenFile)
  const [of, ofFile] = [program.getOptionValueSource('token'), program.getOptionValueSource('tokenFile')]
  if (of === ofFile) {
    const both = of === 'env' ? 'GLIDER_TOKEN and GLIDER_TOKEN_FILE are both set' : '--token and --token-file are both given'
    throw wrongUsage(`${both}: take one of them away`)
  }
  return of === 'cli' ? token : tokenIn(tokenFile)
}

function tokenIn(file: string): string {
  const token = textOf(file, '--token-file').trim()
  if (token !== '') return token
  throw wrongUsage(`${file} has no token: name another with --token-file`)
}

function certificatesIn(file: string): string {
  const text = textOf(file, '--tls-ca')
  if (isPem(text)) return text
  throw wrongUsage(`${file} has no certificate in PEM: name another with --tls-ca`)
}

function textOf(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw wrongUsage(`${file} cannot be read (${(cause as Error).message}): name another with ${flag}`, cause)
  }
}
