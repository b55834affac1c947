import { GliderError } from '../protocol/errors.ts'
import { isPem } from '../protocol/pem.ts'

export { isPem }

export interface ConnectOptions {
  /** Fails with `FORBIDDEN` where it is not that of the token. @default that of the token */
  readonly namespace?: string
  /** Of the namespace; a cluster without a secret asks for none. Space around it, as the end of a file's line, does not count. */
  readonly token?: string
  /**
   * With `https://` and `wss://`: certificates, in PEM, of the authorities to trust; the text itself, and no name of a file.
   * @default those of Node, with NODE_EXTRA_CA_CERTS
   */
  readonly tlsCa?: string
  readonly signal?: AbortSignal
  /** Deadline in milliseconds, after which it fails with `TIMEOUT`. @default 30000 */
  readonly timeoutMs?: number
  /**
   * Whether to keep the event loop turning for up to 0.4 ms while the answer to one of few requests is due: answers come sooner,
   * for some CPU while requests are made one after the other. @default true
   */
  readonly spin?: boolean
  /**
   * Gives every operation on actions an id, by which servers log it, as does the code of the action, and errors name it. Where the
   * program has a tracer of OpenTelemetry, operations have ids anyway, those of their spans. @default false
   */
  readonly operationIds?: boolean
}

const types = {
  namespace: 'string',
  token: 'string',
  tlsCa: 'string',
  signal: 'object',
  timeoutMs: 'number',
  spin: 'boolean',
  operationIds: 'boolean',
} as const satisfies Record<keyof ConnectOptions, string>

/** What a hello takes. */
const MOST_TOKEN_CHARACTERS = 4096

/**
 * What a program has given, which the compiler may not have seen.
 * @throws GliderError INVALID_ARGUMENT
 */
export function checkedOptions(options: ConnectOptions): ConnectOptions {
  for (const [name, value] of Object.entries(options)) {
    const type = Object.hasOwn(types, name) ? types[name as keyof ConnectOptions] : undefined
    if (!type) throw refused(`connect has no option ${JSON.stringify(name)}: it has ${Object.keys(types).join(', ')}`)
    if (value !== undefined && typeof value !== type)
      throw refused(`the option ${name} of connect is a ${typeof value}: give a ${type}`)
  }
  const { tlsCa } = options
  const token = options.token?.trim()
  if (tlsCa !== undefined && !isPem(tlsCa)) {
    throw refused(
      "the option tlsCa of connect has no certificate in PEM: give the text of the file, as readFileSync(file, 'utf8') has it",
    )
  }
  if (token !== undefined && token.length > MOST_TOKEN_CHARACTERS) {
    throw refused(
      `the token has ${token.length} characters, and none has over ${MOST_TOKEN_CHARACTERS}: give that of your namespace`,
    )
  }
  return token === undefined ? options : { ...options, token }
}

function refused(message: string): GliderError {
  return new GliderError('INVALID_ARGUMENT', message)
}
