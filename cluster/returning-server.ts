import type { ChildServer, ServerRole } from './child-server.ts'
import { later } from './timers.system.ts'

/** How long to wait before a server that has left is started again; twice as long each time that does not help. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
/** It has helped where the server has been there for so long. */
const HELPED_MS = 60_000

/**
 * A server in a process of its own that is started again, at its address, when it leaves to return or breaks down. One that is
 * stopped, killed from here, or killed by somebody else stays away.
 */
export class ReturningServer {
  readonly #start: (port: number) => Promise<ChildServer>
  #current: ChildServer
  #pauseMs = FIRST_PAUSE_MS
  #waiting: { cancel(): void } | undefined
  #helping: { cancel(): void } | undefined
  #starting: Promise<void> | undefined
  #ended = false

  private constructor(start: (port: number) => Promise<ChildServer>, first: ChildServer) {
    this.#start = start
    this.#current = first
    this.#watch(first)
  }

  /** @param start at a port, where 0 is any free one */
  static async start(start: (port: number) => Promise<ChildServer>): Promise<ReturningServer> {
    return new ReturningServer(start, await start(0))
  }

  get role(): ServerRole {
    return this.#current.role
  }

  get address(): string {
    return this.#current.address
  }

  get pid(): number {
    return this.#current.pid
  }

  async stop(): Promise<void> {
    await this.#end()
    await this.#current.stop()
  }

  async kill(): Promise<void> {
    await this.#end()
    await this.#current.kill()
  }

  #watch(server: ChildServer): void {
    this.#helping = later(HELPED_MS, () => {
      this.#pauseMs = FIRST_PAUSE_MS
    })
    void server.left.then(() => {
      this.#helping?.cancel()
      if (server.returns) this.#later()
    })
  }

  #later(): void {
    if (this.#ended) return
    this.#waiting = later(this.#pauseMs, () => {
      this.#starting = this.#again()
    })
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS)
  }

  async #again(): Promise<void> {
    const port = Number(this.address.slice(this.address.lastIndexOf(':') + 1))
    try {
      this.#current = await this.#start(port)
    } catch {
      // What it said about that is on stderr.
      this.#later()
      return
    }
    this.#watch(this.#current)
  }

  async #end(): Promise<void> {
    this.#ended = true
    this.#waiting?.cancel()
    await this.#starting
  }
}
