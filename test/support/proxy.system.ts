import net from 'node:net'

/** Kinds and places of the frames that the proxy looks for; see the wire format. */
const HEADER_BYTES = 16
const REQUEST_KIND = 2

/**
 * Stands between a client and a server. It can cut every connection, fall silent, or lose the answer to one request: that is
 * forwarded whole, and what comes back after it is dropped with the connection; or lose the request itself with the connection.
 */
export class Proxy implements AsyncDisposable {
  readonly address: string
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  #losing: number | undefined
  #dropping: number | undefined
  #silencing: number | undefined
  #lost: (() => void) | undefined
  #silent = false
  /** Connections that were made so far. */
  connections = 0

  private constructor(server: net.Server) {
    this.#server = server
    this.address = `127.0.0.1:${(server.address() as net.AddressInfo).port}`
  }

  /** @param target host:port */
  static start(target: string): Promise<Proxy> {
    const [host, port] = target.replace('http://', '').split(':')
    return new Promise(resolve => {
      const server = net.createServer(client => proxy.#accept(client, net.connect(Number(port), host)))
      let proxy: Proxy
      server.listen(0, '127.0.0.1', () => {
        proxy = new Proxy(server)
        resolve(proxy)
      })
    })
  }

  /** No proxy at all: whoever asks is given this text. */
  static answering(text: string): Promise<Proxy> {
    return new Promise(resolve => {
      const server = net.createServer(client =>
        client
          .on('error', () => client.destroy())
          .resume()
          .end(text),
      )
      server.listen(0, '127.0.0.1', () => resolve(new Proxy(server)))
    })
  }

  #accept(client: net.Socket, upstream: net.Socket): void {
    this.connections++
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      this.#sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    const frames = new FrameWatch()
    let cutting = false
    client.on('data', (chunk: Buffer) => {
      if (this.#silent) return
      const operations = frames.take(chunk)
      if (this.#dropping !== undefined && operations.includes(this.#dropping)) {
        this.#dropping = undefined
        client.destroy()
        this.#lost?.()
        this.#lost = undefined
        return
      }
      if (this.#losing !== undefined && operations.includes(this.#losing)) {
        this.#losing = undefined
        cutting = true
      }
      if (this.#silencing !== undefined && operations.includes(this.#silencing)) {
        this.#silencing = undefined
        this.#silent = true
        this.#lost?.()
        this.#lost = undefined
        return
      }
      upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      if (this.#silent) return
      if (!cutting) {
        client.write(chunk)
        return
      }
      client.destroy()
      this.#lost?.()
      this.#lost = undefined
    })
  }

  /** The next request of this operation is carried out, but its answer never arrives; resolves once that has happened. */
  loseAnswer(operation: number): Promise<void> {
    this.#losing = operation
    return new Promise(resolve => {
      this.#lost = resolve
    })
  }

  /** The next request of this operation does not arrive, and its connection ends; resolves once that has happened. */
  loseRequest(operation: number): Promise<void> {
    this.#dropping = operation
    return new Promise(resolve => {
      this.#lost = resolve
    })
  }

  /** Ends every connection; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** From now on nothing passes, and nothing is closed. */
  fallSilent(): void {
    this.#silent = true
  }

  /** The same from the next request of this operation on, which does not arrive; resolves once that has happened. */
  fallSilentAt(operation: number): Promise<void> {
    this.#silencing = operation
    return new Promise(resolve => {
      this.#lost = resolve
    })
  }

  speak(): void {
    this.#silent = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

/** Finds the frames in what a client sends: an HTTP request first, then frames. */
class FrameWatch {
  #rest = Buffer.alloc(0)
  #upgraded = false

  /** Operations of the requests that are complete with this chunk. */
  take(chunk: Buffer): number[] {
    this.#rest = Buffer.concat([this.#rest, chunk])
    if (!this.#upgraded) {
      const end = this.#rest.indexOf('\r\n\r\n')
      if (end < 0) return []
      this.#rest = this.#rest.subarray(end + 4)
      this.#upgraded = true
    }
    const operations: number[] = []
    while (this.#rest.length >= HEADER_BYTES) {
      const whole = HEADER_BYTES + this.#rest.readUInt32LE(0)
      if (this.#rest.length < whole) break
      if (this.#rest[4] === REQUEST_KIND) operations.push(this.#rest.readUInt16LE(6))
      this.#rest = this.#rest.subarray(whole)
    }
    return operations
  }
}
