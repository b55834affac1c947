import { GliderError } from '../protocol/errors.ts'
import { formatSize } from '../protocol/units.ts'
import type { ActionThread } from './action-thread.ts'
import type { Slots } from './slots.ts'

/**
 * The thread with the fewest objects, of those that have so much memory left beside what their objects are expected to need.
 * @throws GliderError NO_SLOT where none has
 */
export function threadFor(
  threads: readonly ActionThread[],
  slots: Slots,
  memoryBytes: number,
  threadMemoryBytes: number,
): ActionThread {
  if (threads.length === 0) throw new GliderError('UNAVAILABLE', 'this server has no action thread: try again')
  let best: ActionThread | undefined
  let load = 0
  let most = 0
  for (const thread of threads) {
    const occupants = slots.of(thread)
    const left = threadMemoryBytes - occupants.reduce((sum, occupant) => sum + occupant.memoryBytes, 0)
    most = Math.max(most, left)
    if (memoryBytes > 0 && left < memoryBytes) continue
    if (best && occupants.length >= load) continue
    best = thread
    load = occupants.length
  }
  if (best) return best
  throw new GliderError(
    'NO_SLOT',
    `no thread has the ${formatSize(memoryBytes)} left that the class asks for, the most is ${formatSize(most)}: ` +
      'delete an object, or start another active server, with more --thread-memory if need be',
  )
}
