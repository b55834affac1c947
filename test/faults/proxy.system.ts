import net from 'node:net'

/**
 * Stands before a server, wherever that is at the time, and harms the connections to it: cuts them, refuses new ones, delays what
 * passes, or lets nothing pass for a while. What it passes on it never changes, and never out of order.
 */
export class FaultProxy implements AsyncDisposable {
  /** host:port, the same for as long as it lives. */
  readonly address: string
  readonly #server: net.Server
  readonly #pipes = new Set<Pipe>()
  #target: { readonly host: string; readonly port: number } | undefined
  #refusing = false
  #delayMs = 0
  #silent = false

  private constructor(server: net.Server) {
    this.#server = server
    this.address = `127.0.0.1:${(server.address() as net.AddressInfo).port}`
  }

  static start(): Promise<FaultProxy> {
    return new Promise((resolve, reject) => {
      let proxy: FaultProxy
      const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, client => proxy.#accept(client))
      server.on('error', reject)
      server.listen(0, '127.0.0.1', () => {
        proxy = new FaultProxy(server)
        resolve(proxy)
      })
    })
  }

  /** @param address host:port; what is open already stays where it is */
  lead(address: string): void {
    const [host, port] = address.split(':')
    this.#target = { host: host!, port: Number(port) }
  }

  cut(): void {
    for (const pipe of this.#pipes) pipe.destroy()
  }

  refuse(refusing: boolean): void {
    this.#refusing = refusing
  }

  delay(delayMs: number): void {
    this.#delayMs = delayMs
  }

  silence(silent: boolean): void {
    this.#silent = silent
    for (const pipe of this.#pipes) pipe.turn()
  }

  #accept(client: net.Socket): void {
    if (this.#refusing || !this.#target) {
      client.on('error', () => undefined).destroy()
      return
    }
    const ends = { delayMs: () => this.#delayMs, silent: () => this.#silent }
    const upstream = net.connect({ ...this.#target, allowHalfOpen: true })
    const pipe: Pipe = new Pipe(client, upstream, ends, () => this.#pipes.delete(pipe))
    this.#pipes.add(pipe)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

interface Conditions {
  readonly delayMs: () => number
  readonly silent: () => boolean
}

/** One connection, both ways. When either side breaks, so does the other. */
class Pipe {
  readonly #ways: readonly Way[]
  readonly #sockets: readonly net.Socket[]

  constructor(client: net.Socket, upstream: net.Socket, conditions: Conditions, gone: () => void) {
    this.#sockets = [client, upstream]
    this.#ways = [new Way(client, upstream, conditions), new Way(upstream, client, conditions)]
    for (const socket of this.#sockets) {
      socket.setNoDelay(true)
      socket.on('error', () => this.destroy())
      socket.on('close', hadError => {
        if (hadError || this.#sockets.every(one => one.destroyed)) this.destroy()
        gone()
      })
    }
  }

  turn(): void {
    for (const way of this.#ways) way.turn()
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** Bytes in one direction. At most what the kernel takes is held here, and what is on its delayed way. */
class Way {
  readonly #from: net.Socket
  readonly #conditions: Conditions
  #full = false
  /** In their order; the time of none is before that of the one in front of it. */
  readonly #underWay: { readonly atMs: number; readonly arrive: () => void }[] = []

  constructor(from: net.Socket, to: net.Socket, conditions: Conditions) {
    this.#from = from
    this.#conditions = conditions
    from.on('data', (bytes: Buffer) => {
      this.#send(() => {
        if (to.destroyed || to.write(bytes)) return
        this.#full = true
        this.turn()
      })
    })
    from.on('end', () => this.#send(() => to.end()))
    to.on('drain', () => {
      this.#full = false
      this.turn()
    })
    this.turn()
  }

  turn(): void {
    if (this.#full || this.#conditions.silent()) this.#from.pause()
    else this.#from.resume()
  }

  #send(arrive: () => void): void {
    const now = performance.now()
    const atMs = Math.max(this.#underWay.at(-1)?.atMs ?? 0, now + this.#conditions.delayMs())
    if (this.#underWay.length === 0 && atMs <= now) {
      arrive()
      return
    }
    this.#underWay.push({ atMs, arrive })
    if (this.#underWay.length === 1) setTimeout(() => this.#arrive(), atMs - now)
  }

  #arrive(): void {
    const now = performance.now()
    while (this.#underWay[0] && this.#underWay[0].atMs <= now) this.#underWay.shift()!.arrive()
    const next = this.#underWay[0]
    if (next) setTimeout(() => this.#arrive(), next.atMs - now)
  }
}
