import { setFlagsFromString } from 'node:v8'

/**
 * Has V8 mark what is still used on the thread whose memory it is, rather than on helper threads beside it. Actions hold much memory outside
 * of V8's heap, and each few dozen megabytes of it have V8 mark their small heaps once more: helpers cost more of the processor than they save a
 * thread then. To be called before the first action thread starts.
 */
export function markOnOwnThreads(): void {
  setFlagsFromString('--no-concurrent-marking')
}
