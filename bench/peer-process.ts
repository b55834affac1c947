import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** As much as the files that the pairs are held against. */
export const MEMORY_BYTES = 256 << 20

/** The other end of a bare pair, in a process of its own; it tells its port once it listens. */
export class PeerProcess implements Disposable {
  readonly port: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  /**
   * @param memoryBytes what it sends from, and puts into what comes
   * @param args what else it is told
   */
  static start(module: URL, memoryBytes = MEMORY_BYTES, args: readonly string[] = []): Promise<PeerProcess> {
    return new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(module), [`${memoryBytes}`, ...args])
      child.once('message', message => resolve(new PeerProcess(child, (message as { port: number }).port)))
      child.once('exit', () => reject(new Error(`${module.href} ended before it listened`)))
    })
  }

  [Symbol.dispose](): void {
    this.#child.kill()
  }
}
