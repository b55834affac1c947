import type { StoreClient } from '../../client/index.ts'

/** Of the clusters of the experiments. */
export const BLOCK_BYTES = 1 << 20
const SAMPLE_MS = 50

/** The most that the store has held beyond what it held at the beginning: blocks in use, asked for twenty times a second. */
export class StoredPeak {
  readonly #store: StoreClient
  readonly #before: number
  #bytes = 0
  readonly #sampling: NodeJS.Timeout
  #asked: Promise<void> = Promise.resolve()

  private constructor(store: StoreClient, before: number) {
    this.#store = store
    this.#before = before
    this.#sampling = setInterval(() => {
      this.#asked = this.look()
      // Whoever ends it is told.
      this.#asked.catch(() => {})
    }, SAMPLE_MS)
  }

  static async begin(store: StoreClient): Promise<StoredPeak> {
    return new StoredPeak(store, (await store.usage()).blocks)
  }

  get bytes(): number {
    return this.#bytes
  }

  async look(held = 0): Promise<void> {
    const { blocks } = await this.#store.usage()
    this.#bytes = Math.max(this.#bytes, (blocks - this.#before) * BLOCK_BYTES + held)
  }

  async end(): Promise<void> {
    clearInterval(this.#sampling)
    await this.#asked
  }
}
