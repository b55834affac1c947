import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ActionNode } from '../../client/index.ts'

const KEYS = 1024
/** Lines are made once and repeated. */
const TEXT_BYTES = 8 << 20
const PIECE_BYTES = 512 << 10

/** Lines `key,value` of about 24 bytes, with 1,024 keys and integers of twelve digits. */
export class KeyValueLines {
  readonly bytes: number
  readonly #text: Buffer
  readonly #repeats: number
  #worker: Worker | undefined

  constructor(bytes: number) {
    const lines: string[] = []
    for (let line = 0, made = 0; made < TEXT_BYTES; line += 1) {
      // Spread over the keys without an order; the multipliers are odd primes.
      const key = (line * 7919) % KEYS
      const value = 100_000_000_000 + ((line * 104_729) % 899_999_999)
      const text = `key-${key.toString().padStart(6, '0')},${line % 2 === 0 ? '' : '-'}${value}\n`
      lines.push(text)
      made += text.length
    }
    this.#text = Buffer.from(lines.join(''))
    this.#repeats = Math.max(1, Math.round(bytes / this.#text.length))
    this.bytes = this.#text.length * this.#repeats
  }

  async writeTo(node: ActionNode): Promise<void> {
    const stream = node.createWriteStream()
    for (let repeat = 0; repeat < this.#repeats; repeat += 1) {
      for (let at = 0; at < this.#text.length; at += PIECE_BYTES) {
        if (!stream.write(this.#text.subarray(at, at + PIECE_BYTES))) await once(stream, 'drain')
      }
    }
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject).end(resolve)
    })
  }

  /** The same loop over a plain buffer, in a thread of its own. */
  async mergeHere(): Promise<void> {
    this.#worker ??= new Worker(new URL('./merge-worker.js', import.meta.url), { workerData: this.#text })
    this.#worker.ref()
    this.#worker.postMessage(this.#repeats)
    await once(this.#worker, 'message')
    this.#worker.unref()
  }
}
