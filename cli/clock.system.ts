/** Milliseconds from some fixed moment on; only their differences mean anything. */
export type Stopwatch = () => number

export const systemStopwatch: Stopwatch = () => performance.now()

/** A time since 1970 as people read it, in UTC. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
