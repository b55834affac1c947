import http from 'node:http'
import https from 'node:https'
import { connect as connectTls, type PeerCertificate } from 'node:tls'
import { WebSocket } from 'ws'
import { errorTable, GliderError, type WireError } from './errors.ts'
import { isPem } from './pem.ts'
import { socketTransport } from './socket.system.ts'
import type { Transport } from './transport.ts'
import { webSocketTransport } from './websocket.system.ts'

/** Name of the protocol in the Upgrade header. */
export const UPGRADE_PROTOCOL = 'glider/1'
/** Path of the WebSocket that carries the same frames. */
export const WEBSOCKET_PATH = '/v1/frames'

/** Whom to trust that the server is who it says. */
export interface TlsTrust {
  /** Certificates in PEM. @default those of Node, with NODE_EXTRA_CA_CERTS */
  readonly ca?: string | undefined
}

/** How long a server that has hung up on plain HTTP is given to show that it speaks TLS. */
const TLS_PROBE_MS = 1_000
/** Longer ones are no errors of ours. */
const MAX_REFUSAL_CHARACTERS = 10_000

export interface DialOptions {
  /** Speak frames over a WebSocket, where proxies let nothing else through. @default false */
  readonly webSocket?: boolean
  /** Speak TLS, and trust these authorities. @default plain */
  readonly tls?: TlsTrust | undefined
  readonly signal?: AbortSignal
  /** @default 10000 */
  readonly timeoutMs?: number
}

/**
 * Connects to a server's port and leaves HTTP for frames.
 * @param address host:port
 * @throws GliderError INVALID_ARGUMENT where that is no address or there is no authority to trust, UNAVAILABLE where nothing answers,
 *   PROTOCOL_ERROR where something else does, or one side speaks TLS and the other does not, CANCELLED
 */
export async function dial(address: string, options: DialOptions = {}): Promise<Transport> {
  checkTrust(options.tls)
  return options.webSocket ? dialWebSocket(address, options) : dialUpgrade(address, options)
}

function dialUpgrade(address: string, options: DialOptions): Promise<Transport> {
  const { tls, signal, timeoutMs = 10_000 } = options
  const { host, port } = splitAddress(address)
  return new Promise((resolve, reject) => {
    const request = (tls ? https : http).request({
      ...(tls?.ca !== undefined && { ca: tls.ca }),
      host,
      port,
      agent: false,
      timeout: timeoutMs,
      headers: { Connection: 'Upgrade', Upgrade: UPGRADE_PROTOCOL },
      ...(signal && { signal }),
    })
    request.on('upgrade', (_response, socket, early) => {
      socket.setTimeout(0)
      resolve(socketTransport(socket, early))
    })
    request.on('response', response => {
      refusalOf(address, response).then(refusal => {
        reject(refusal)
        request.destroy()
      }, reject)
    })
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', error => void unreachableServer(address, error, options).then(reject))
    request.end()
  })
}

function dialWebSocket(address: string, options: DialOptions): Promise<Transport> {
  const { tls, signal, timeoutMs = 10_000 } = options
  splitAddress(address)
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${tls ? 'wss' : 'ws'}://${address}${WEBSOCKET_PATH}`, {
      handshakeTimeout: timeoutMs,
      perMessageDeflate: false,
      // Masks keep scripts of web pages from speaking HTTP to proxies; with one of zeros both sides leave the bytes as they are.
      generateMask: mask => mask.fill(0),
      ...(tls?.ca !== undefined && { ca: tls.ca }),
    })
    const onAbort = (): void => socket.terminate()
    socket.on('open', () => {
      signal?.removeEventListener('abort', onAbort)
      resolve(webSocketTransport(socket, address))
    })
    socket.on('unexpected-response', (request, response) => {
      refusalOf(address, response).then(refusal => {
        signal?.removeEventListener('abort', onAbort)
        reject(refusal)
        request.destroy()
      }, reject)
    })
    socket.on('error', error => {
      signal?.removeEventListener('abort', onAbort)
      void unreachableServer(address, error, options).then(reject)
    })
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort)
  })
}

/** Why a server that speaks HTTP does not upgrade: what it says itself, if it is one of ours. */
async function refusalOf(address: string, response: http.IncomingMessage): Promise<GliderError> {
  let text = ''
  try {
    response.setEncoding('utf8')
    for await (const part of response) {
      text += part
      if (text.length > MAX_REFUSAL_CHARACTERS) break
    }
    const { code, message } = (JSON.parse(text) as { error: WireError }).error
    if (code in errorTable && typeof message === 'string') return new GliderError(code, `${address}: ${message}`)
  } catch {
    // It is not one of ours, or went away before it had said more.
  }
  return new GliderError('PROTOCOL_ERROR', `${address} speaks HTTP but not ${UPGRADE_PROTOCOL}: is it a glider server?`)
}

async function unreachableServer(address: string, cause: Error, { tls, signal }: DialOptions): Promise<GliderError> {
  const { code = '', message } = cause as NodeJS.ErrnoException
  const mismatch = tls
    ? NO_TLS.test(message) && SPEAKS_PLAIN
    : HUNG_UP.test(code) && (await speaksTls(address, signal)) && SPEAKS_TLS
  if (signal?.aborted) return new GliderError('CANCELLED', `connecting to ${address} was cancelled by its own signal`, { cause })
  if (/CERT|^UNABLE_TO_/.test(code)) return untrusted(address, cause)
  if (mismatch) return new GliderError('PROTOCOL_ERROR', `${address} ${mismatch}`, { cause })
  return new GliderError(
    'UNAVAILABLE',
    `no glider server answers at ${address} (${message}): is it running, and reachable from here?`,
    { cause },
  )
}

const SPEAKS_TLS =
  'speaks TLS: use https://, or wss://; and start a server of its cluster with --tls-cert, --tls-key and --tls-ca'
const SPEAKS_PLAIN =
  'does not speak TLS: use http://, or ws://; and start all servers of a cluster with --tls-cert and --tls-key, or none'
/** What OpenSSL says of an answer that is no TLS. */
const NO_TLS = /wrong version number|packet length too long|record layer failure/
/** What a server that speaks TLS does when it gets something else: it hangs up, or says so in TLS. */
const HUNG_UP = /^ECONNRESET$|^HPE_/

/** Nothing is said to it there: whether it can be trusted does not matter. */
function speaksTls(address: string, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connectTls({ ...splitAddress(address), rejectUnauthorized: false, timeout: TLS_PROBE_MS })
    const end = (answer: boolean): void => {
      signal?.removeEventListener('abort', no)
      socket.destroy()
      resolve(answer)
    }
    const no = (): void => end(false)
    socket.once('secureConnect', () => end(true))
    for (const event of ['error', 'timeout', 'close']) socket.on(event, no)
    if (signal?.aborted) no()
    else signal?.addEventListener('abort', no)
  })
}

function untrusted(address: string, cause: Error): GliderError {
  const { host, cert } = cause as Error & { readonly host?: string; readonly cert?: Partial<PeerCertificate> }
  // What Node says of names ends in the midst where there are none.
  const why = host !== undefined && cert ? `it is for ${cert.subjectaltname || 'no name at all'}, not for ${host}` : cause.message
  const remedy = 'name the authority that has signed it with --tls-ca, tlsCa or NODE_EXTRA_CA_CERTS, or use a name that it is for'
  return new GliderError('UNAUTHENTICATED', `the certificate of ${address} is not trusted (${why}): ${remedy}`, { cause })
}

function checkTrust({ ca }: TlsTrust = {}): void {
  if (ca === undefined || isPem(ca)) return
  const why = 'what tells whom to trust holds no certificate in PEM'
  throw new GliderError('INVALID_ARGUMENT', `${why}: give --tls-ca the name of a file that does, or tlsCa the text of one`)
}

/** @throws GliderError INVALID_ARGUMENT */
export function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address)
  const port = Number(match?.[3])
  if (!match || port > 65535)
    throw new GliderError('INVALID_ARGUMENT', `${JSON.stringify(address)} is no address: write host:port`)
  return { host: (match[1] ?? match[2])!, port }
}
