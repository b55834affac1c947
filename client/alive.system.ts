/** The longest time that Node's timers know. */
const LONG_MS = 2 ** 31 - 1

/**
 * Keeps this process alive until the answer is called. A client does so until it is closed: while the metadata server is away it
 * may have nothing but promises, and a process that has nothing else ends in the middle of them, as if all were done.
 */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, LONG_MS)
  return () => clearInterval(timer)
}
