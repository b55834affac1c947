import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options?: { readonly type: 'minor' }) => void

/** What this thread's own heap holds, and what it holds outside of it: its Buffers, and the memory that it shares. */
export class MemoryUse {
  #collect: Collect | undefined

  bytes(): number {
    const { used_heap_size: used, external_memory: external } = getHeapStatistics()
    return used + external
  }

  /** Frees what nobody refers to any more. */
  collect(): void {
    this.#gc()
  }

  /** The same for what has come up lately, which takes less than a millisecond where little of it is still in use. */
  collectYoung(): void {
    this.#gc({ type: 'minor' })
  }

  get #gc(): Collect {
    if (!this.#collect) {
      // There is no other way to ask for it without a flag of the process.
      setFlagsFromString('--expose-gc')
      this.#collect = runInNewContext('gc') as Collect
      setFlagsFromString('--no-expose-gc')
    }
    return this.#collect
  }
}
