import http from 'node:http'
import https from 'node:https'
import { WebSocket } from 'ws'
import { errorTable, GliderError, type WireError } from './errors.ts'
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
 * @throws GliderError INVALID_ARGUMENT where that is no address, UNAVAILABLE where nothing answers, PROTOCOL_ERROR where something else does, CANCELLED
 */
export async function dial(address: string, options: DialOptions = {}): Promise<Transport> {
  return options.webSocket ? dialWebSocket(address, options) : dialUpgrade(address, options)
}

function dialUpgrade(address: string, { tls, signal, timeoutMs = 10_000 }: DialOptions): Promise<Transport> {
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
    request.on('error', error => reject(unreachableServer(address, error, signal)))
    request.end()
  })
}

function dialWebSocket(address: string, { tls, signal, timeoutMs = 10_000 }: DialOptions): Promise<Transport> {
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
      reject(unreachableServer(address, error, signal))
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

function unreachableServer(address: string, cause: Error, signal: AbortSignal | undefined): GliderError {
  if (signal?.aborted) return new GliderError('CANCELLED', `connecting to ${address} was cancelled by its own signal`, { cause })
  const { code = '' } = cause as NodeJS.ErrnoException
  if (/CERT|^UNABLE_TO_/.test(code)) {
    const remedy =
      'name the authority that has signed it with --tls-ca, tlsCa or NODE_EXTRA_CA_CERTS, or use a name that it is for'
    return new GliderError('UNAUTHENTICATED', `the certificate of ${address} is not trusted (${cause.message}): ${remedy}`, {
      cause,
    })
  }
  return new GliderError(
    'UNAVAILABLE',
    `no glider server answers at ${address} (${cause.message}): is it running, and reachable from here?`,
    {
      cause,
    },
  )
}

/** @throws GliderError INVALID_ARGUMENT */
export function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address)
  const port = Number(match?.[3])
  if (!match || port > 65535)
    throw new GliderError('INVALID_ARGUMENT', `${JSON.stringify(address)} is no address: write host:port`)
  return { host: (match[1] ?? match[2])!, port }
}
