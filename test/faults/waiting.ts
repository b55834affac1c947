import type { Clock } from '../../protocol/clock.ts'

const ASK_MS = 100

export function rest(clock: Clock, forMs: number): Promise<void> {
  return new Promise(resolve => clock.after(Math.max(0, forMs), resolve))
}

/** @throws Error where it does not become so within that time */
export async function until(
  what: string | (() => string),
  clock: Clock,
  mostMs: number,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const deadline = clock.now() + mostMs
  while (!(await isSo())) {
    if (clock.now() > deadline)
      throw new Error(`after ${mostMs} ms it is not so that ${typeof what === 'string' ? what : what()}`)
    await rest(clock, ASK_MS)
  }
}

/** @throws Error where it takes longer */
export async function within<T>(what: string, clock: Clock, mostMs: number, promise: Promise<T>): Promise<T> {
  let late: () => void
  const timer = clock.after(mostMs, () => late())
  const tooLong = new Promise<never>((_, reject) => {
    late = () => reject(new Error(`${what} takes longer than ${mostMs} ms`))
  })
  try {
    return await Promise.race([promise, tooLong])
  } finally {
    timer.cancel()
  }
}
