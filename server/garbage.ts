import { setFlagsFromString } from 'node:v8'

/**
 * Has V8 mark what is still used on the thread whose memory it is, rather than on helper threads beside it. What blocks, actions and messages hold is
 * memory outside of V8's heaps, each few dozen megabytes of it have V8 mark its small heaps once more, and helpers cost more of the processor then
 * than they save a thread. To be called before anything else: for servers whose heaps are small.
 */
export function markOnOwnThreads(): void {
  setFlagsFromString('--no-concurrent-marking')
}
