import net from 'node:net'
import type { Duplex } from 'node:stream'
import type { Transport, TransportEvents } from './transport.ts'

/** What a closing socket may take to let its last bytes leave. */
const LINGER_MS = 1_000
/** Catches what is not received straight into its place. One for the process: what is in it is used up before the next read. */
const scratch = Buffer.allocUnsafeSlow(64 << 10)

/** The part of a socket's internals that {@link fastSocket} needs. */
interface Handle {
  reading: boolean
  readStop(): void
}

/**
 * A transport over a socket that has just been upgraded from HTTP; `early` is what came with the upgrade.
 * @param fast whether to receive straight into the memory that bytes are for; false takes the plain way, as it is taken by
 *   itself where Node's internals are not as expected
 */
export function socketTransport(upgraded: Duplex, early: Buffer, fast = true): Transport {
  // What node:http upgrades is a socket, whatever its types say.
  const socket = upgraded as net.Socket
  socket.setNoDelay(true)
  return new SocketTransport(socket, early, fast)
}

class SocketTransport implements Transport {
  readonly remote: string
  #socket: net.Socket
  readonly #early: Buffer
  readonly #fast: boolean
  #cause: Error | undefined
  #closing = false
  #dropRest: (() => boolean) | undefined

  constructor(socket: net.Socket, early: Buffer, fast: boolean) {
    this.remote = `${socket.remoteAddress}:${socket.remotePort}`
    this.#socket = socket
    this.#early = early
    this.#fast = fast
    socket.on('error', this.#onError)
  }

  start(events: TransportEvents): void {
    // What has come since the upgrade waits in the old socket.
    const waiting = this.#socket.readableLength > 0 ? (this.#socket.read() as Buffer) : undefined
    const adopted = this.#fast ? fastSocket(this.#socket, events) : undefined
    if (adopted) {
      this.#socket = adopted.socket
      this.#dropRest = () => adopted.dropRest()
      this.#socket.on('error', this.#onError)
    } else {
      this.#socket.on('data', chunk => {
        if (!this.#closing) events.bytes(chunk)
      })
      this.#dropRest = () => true
    }
    this.#socket.on('end', () => this.#socket.destroy())
    this.#socket.on('close', () => events.gone(this.#cause))
    if (this.#early.length > 0) events.bytes(this.#early)
    if (waiting && !this.#closing) events.bytes(waiting)
    if (this.#closing) return
    if (this.#socket.destroyed) events.gone(this.#cause)
    else if (adopted) adopted.socket.read(0)
    else this.#socket.resume()
  }

  write(buffers: readonly Uint8Array[], flushed: () => void): void {
    const socket = this.#socket
    const last = buffers.length - 1
    // The callback runs in any case, with an error once the socket is gone: the memory is free then as well.
    if (last === 0) {
      socket.write(buffers[0]!, flushed)
      return
    }
    socket.cork()
    for (let i = 0; i < last; i++) socket.write(buffers[i]!)
    socket.write(buffers[last]!, flushed)
    socket.uncork()
  }

  pause(): void {
    // Of a socket with `onread` this stops the handle; of a plain one, what still comes waits in the socket.
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(lingers = false): void {
    if (this.#closing) return
    this.#closing = true
    const socket = this.#socket
    // From here on nothing may be received into memory that its owner has been given back.
    const isDropping = lingers && this.#dropRest?.() === true
    if (isDropping) socket.resume()
    else socket.pause()
    if (socket.destroyed) return
    if (isDropping) socket.end()
    else socket.destroySoon()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    timer.unref()
    socket.on('close', () => clearTimeout(timer))
  }

  readonly #onError = (error: Error): void => {
    this.#cause ??= error
  }
}

interface Adopted {
  readonly socket: net.Socket
  /** Drops all that is received from now on; false where the next of it has memory that is lent. */
  dropRest(): boolean
}

function handleOf(socket: net.Socket): Handle | undefined {
  const handle = (socket as unknown as { _handle?: Partial<Handle> | null })._handle
  return typeof handle?.readStop === 'function' && typeof handle.reading === 'boolean' ? (handle as Handle) : undefined
}

/**
 * Moves the handle of a connected socket into a new one with `onread`, which a socket takes only when it is made: the kernel
 * then copies straight into the memory that we name for each read. This is the one place that touches an internal of Node;
 * where that is not as expected, the answer is undefined and the socket is as it was.
 */
function fastSocket(old: net.Socket, events: TransportEvents): Adopted | undefined {
  const handle = handleOf(old)
  if (!handle || old.destroyed || old.constructor !== net.Socket) return undefined
  let direct = false
  let drops = false
  handle.readStop()
  handle.reading = false
  ;(old as unknown as { _handle: unknown })._handle = null
  const options = {
    handle,
    onread: {
      buffer: () => {
        const place = drops ? undefined : events.landing()
        direct = place !== undefined
        return place ?? scratch
      },
      callback(bytes: number) {
        if (drops) return true
        if (direct) events.landed(bytes)
        else events.bytes(scratch.subarray(0, bytes))
        return true
      },
    },
  }
  // `handle` is an option that Node takes from its own server, but does not document.
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts)
  old.removeAllListeners()
  old.destroy()
  const dropRest = (): boolean => {
    // The memory of the next read was named after the last.
    drops = !direct
    return drops
  }
  return { socket, dropRest }
}
