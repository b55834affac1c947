import { readFile } from 'node:fs/promises'

/** Of /proc, on every Linux. */
const TICKS_PER_SECOND = 100

/** Seconds of CPU that processes with all of their threads have taken so far; null where the system does not tell. */
export async function cpuSeconds(pids: readonly number[]): Promise<number | null> {
  try {
    const stats = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/stat`, 'latin1')))
    return stats.reduce((sum, stat) => sum + ticksOf(stat), 0) / TICKS_PER_SECOND
  } catch {
    return null
  }
}

/** utime and stime are the 14th and 15th field; the 2nd is a name in parentheses that may hold anything. */
export function ticksOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}
