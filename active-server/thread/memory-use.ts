import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What this thread's own heap holds, and what it holds outside of it: its Buffers, and the memory that it shares. */
export class MemoryUse {
  bytes(): number {
    const { used_heap_size: used, external_memory: external } = getHeapStatistics()
    return used + external
  }

  /** Frees what nobody refers to any more. */
  collect(): void {
    // There is no other way to ask for it without a flag of the process.
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    setFlagsFromString('--no-expose-gc')
    collect()
  }
}
