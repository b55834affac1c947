/**
 * Says which of two allocations of one block came later. The epoch rises at every start of the metadata server, the
 * counter with every allocation, so each generation is higher than all before it.
 */
export interface Generation {
  readonly epoch: number
  readonly counter: number
}

export function compareGenerations(a: Generation, b: Generation): number {
  return a.epoch - b.epoch || a.counter - b.counter
}
