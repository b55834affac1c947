import { getHeapStatistics } from 'node:v8'
import type { ProcessMemory } from './memory-watch.ts'

export const processMemory: ProcessMemory = {
  resident: () => process.memoryUsage.rss(),
  own() {
    const { total_heap_size: heap, external_memory: external } = getHeapStatistics()
    return heap + external
  },
}
