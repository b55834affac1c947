import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { UPGRADE_PROTOCOL } from '../protocol/dial.system.ts'
import type { GliderError } from '../protocol/errors.ts'

/**
 * The one place that decides about upgrades: frames are taken here, WebSockets go to the emitter that the plugin listens to
 * (it would close every other upgrade), everything else is refused.
 * @param refusalOf why a request is refused, where it is
 */
export function dispatchUpgrades(
  server: Server,
  refusalOf: (request: IncomingMessage) => GliderError | undefined,
  frames: (socket: Duplex, early: Buffer) => void,
): EventEmitter {
  const webSockets = new EventEmitter()
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, early: Buffer) => {
    // From here on the server no longer listens for errors of the socket, and one that nobody hears ends the process.
    socket.on('error', ignore)
    const wanted = request.headers.upgrade?.toLowerCase()
    const known = wanted === UPGRADE_PROTOCOL || wanted === 'websocket'
    const refusal = known ? refusalOf(request) : undefined
    if (refusal) refuseFor(refusal, socket)
    else if (wanted === UPGRADE_PROTOCOL) {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_PROTOCOL}\r\n\r\n`, error => {
        if (!error) frames(socket, early)
      })
    } else if (known) webSockets.emit('upgrade', request, socket, early)
    else refuse(socket, `426 Upgrade Required\r\nUpgrade: ${UPGRADE_PROTOCOL}, websocket`)
  })
  return webSockets
}

function refuseFor({ code, message }: GliderError, socket: Duplex): void {
  const body = JSON.stringify({ error: { code, message } })
  const head = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`
  refuse(socket, `${code === 'FORBIDDEN' ? '403 Forbidden' : '503 Service Unavailable'}\r\n${head}`, body)
}

/** Whoever is refused is not waited for, either. */
function refuse(socket: Duplex, head: string, body = ''): void {
  socket.on('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${head}\r\nConnection: close\r\n\r\n${body}`)
}

function ignore(): void {}
