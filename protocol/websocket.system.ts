import type { WebSocket } from 'ws'
import type { Transport, TransportEvents } from './transport.ts'

/** What the other side may take to answer a close. */
const LINGER_MS = 1_000

/** Frames in the binary messages of a WebSocket. Message borders mean nothing: a frame may span several, or share one. */
export function webSocketTransport(socket: WebSocket, remote: string): Transport {
  return new WebSocketTransport(socket, remote)
}

class WebSocketTransport implements Transport {
  readonly remote: string
  readonly #socket: WebSocket
  #cause: Error | undefined

  constructor(socket: WebSocket, remote: string) {
    this.remote = remote
    this.#socket = socket
    socket.binaryType = 'nodebuffer'
    socket.on('error', error => {
      this.#cause = error
    })
    // What comes before `start` would be told to nobody.
    socket.pause()
  }

  start(events: TransportEvents): void {
    this.#socket.on('message', data => events.bytes(data as Buffer))
    this.#socket.on('close', () => events.gone(this.#cause))
    if (this.#socket.readyState === this.#socket.CLOSED) events.gone(this.#cause)
    else this.#socket.resume()
  }

  write(buffers: readonly Uint8Array[], flushed: () => void): void {
    const last = buffers.length - 1
    for (let i = 0; i < last; i++) this.#socket.send(buffers[i]!)
    this.#socket.send(buffers[last]!, () => flushed())
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    const socket = this.#socket
    if (socket.readyState === socket.CLOSED) return
    socket.close()
    // The answer to the close has to be read.
    socket.resume()
    const timer = setTimeout(() => socket.terminate(), LINGER_MS)
    timer.unref()
    socket.on('close', () => clearTimeout(timer))
  }
}
