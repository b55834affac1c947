import net from 'node:net'

/** Stands between a client and the deployment, and knows nothing of what passes: it can lose it, and it can hang up. */
export class TcpProxy {
  readonly address: string
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  #mode: 'pass' | 'swallow' | 'lose' = 'pass'
  #lost: (() => void) | undefined

  private constructor(server: net.Server) {
    this.#server = server
    this.address = `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`
  }

  static start({ hostname, port }: URL): Promise<TcpProxy> {
    return new Promise(resolve => {
      const server = net.createServer(client => proxy.#accept(client, net.connect(Number(port) || 80, hostname)))
      let proxy: TcpProxy
      server.listen(0, '127.0.0.1', () => {
        proxy = new TcpProxy(server)
        resolve(proxy)
      })
    })
  }

  #accept(client: net.Socket, upstream: net.Socket): void {
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
    client.on('data', chunk => {
      if (this.#mode !== 'swallow') upstream.write(chunk)
    })
    upstream.on('data', chunk => {
      if (this.#mode === 'pass') client.write(chunk)
      else if (this.#mode === 'lose') {
        this.#mode = 'pass'
        client.destroy()
        this.#lost?.()
      }
    })
  }

  /** Requests still arrive, but the next thing that comes back is dropped with its connection; resolves once that has happened. */
  loseNextAnswer(): Promise<void> {
    this.#mode = 'lose'
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
    this.#mode = 'swallow'
  }

  speak(): void {
    this.#mode = 'pass'
  }

  async stop(): Promise<void> {
    this.cut()
    await new Promise(resolve => this.#server.close(resolve))
  }
}
