import { readFileSync } from 'node:fs'

/** Of /proc, on every Linux. */
const TICKS_PER_SECOND = 100

/** Seconds of CPU that processes with all of their threads have taken so far; undefined where the system does not tell. */
export function processCpuSeconds(pids: readonly number[]): number | undefined {
  try {
    return pids.reduce((sum, pid) => sum + ticksOf(readFileSync(`/proc/${pid}/stat`, 'latin1')), 0) / TICKS_PER_SECOND
  } catch {
    return undefined
  }
}

/** utime and stime are the 14th and 15th field; the 2nd is a name in parentheses that may hold anything. */
export function ticksOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}
