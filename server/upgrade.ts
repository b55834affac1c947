import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { UPGRADE_PROTOCOL } from '../protocol/dial.system.ts'

/**
 * The one place that decides about upgrades: frames are taken here, WebSockets go to the emitter that the plugin listens to
 * (it would close every other upgrade), everything else is refused.
 */
export function dispatchUpgrades(server: Server, frames: (socket: Duplex, early: Buffer) => void): EventEmitter {
  const webSockets = new EventEmitter()
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, early: Buffer) => {
    // From here on the server no longer listens for errors of the socket, and one that nobody hears ends the process.
    socket.on('error', ignore)
    const wanted = request.headers.upgrade?.toLowerCase()
    if (wanted === UPGRADE_PROTOCOL) {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_PROTOCOL}\r\n\r\n`, error => {
        if (!error) frames(socket, early)
      })
    } else if (wanted === 'websocket') webSockets.emit('upgrade', request, socket, early)
    else refuse(socket)
  })
  return webSockets
}

/** Whoever is refused is not waited for, either. */
function refuse(socket: Duplex): void {
  socket.on('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 426 Upgrade Required\r\nUpgrade: ${UPGRADE_PROTOCOL}, websocket\r\nConnection: close\r\n\r\n`)
}

function ignore(): void {}
