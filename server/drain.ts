import { type Clock, every } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'

/** How long what runs may take to finish, by default. */
export const DEFAULT_DRAIN_MS = 30_000
/** How often to look whether it has. */
const LOOK_MS = 50

/** What a server does with its work before it ends. */
export interface Work {
  /** Nothing new is begun from here on. */
  refuse(): void
  /** What still runs, in words; undefined once nothing does. */
  running(): string | undefined
}

/** Refuses new work, and resolves once nothing runs any more, or after so long: then with what still does. */
export function drained(clock: Clock, timeMs: number, work: Work): Promise<string | undefined> {
  work.refuse()
  return new Promise(resolve => {
    const over = (running: string | undefined): void => {
      looking.cancel()
      deadline.cancel()
      resolve(running)
    }
    const look = (): void => {
      if (work.running() === undefined) over(undefined)
    }
    const looking = every(clock, LOOK_MS, look)
    const deadline = clock.after(timeMs, () => over(work.running()))
    look()
  })
}

/** Nothing of what was asked for has been begun. */
export function drainingError(role: string, address: string): GliderError {
  const message = `the ${role} server at ${address} is draining: it takes nothing new and is about to end: try again, or another`
  return new GliderError('UNAVAILABLE', message, { draining: true })
}

/** Words for {@link Work.running}: of counts, those that are not 0. */
export function counted(counts: Readonly<Record<string, number>>): string | undefined {
  const some = Object.entries(counts).filter(([, count]) => count > 0)
  return some.length === 0 ? undefined : some.map(([what, count]) => `${what}: ${count}`).join(', ')
}
