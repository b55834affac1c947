import { formatSize } from '../client/units.ts'
import { type Stopwatch, systemStopwatch } from './clock.system.ts'
import type { Output } from './session.ts'

const MIN_MS_BETWEEN = 100
const BAR_WIDTH = 30

export interface ProgressBar {
  add(bytes: number): void
  /** Leaves the line as if nothing had been there. */
  clear(): void
}

export const noBar: ProgressBar = { add: () => undefined, clear: () => undefined }

/** How far a transfer is, on one line of a terminal; anywhere else it shows nothing. */
export function progressBar(output: Output, totalBytes: number | undefined, now: Stopwatch = systemStopwatch): ProgressBar {
  if (!output.isTTY) return noBar
  const startedAt = now()
  let moved = 0
  let shownAt = Number.NEGATIVE_INFINITY
  const show = (at: number): void => {
    shownAt = at
    const rate = moved / Math.max(1e-3, (at - startedAt) / 1e3)
    output.write(`\r\x1b[K${barLine(moved, totalBytes)} ${formatSize(Math.round(rate))}/s`)
  }
  return {
    add(bytes) {
      moved += bytes
      const at = now()
      if (at - shownAt >= MIN_MS_BETWEEN) show(at)
    },
    clear() {
      output.write('\r\x1b[K')
    },
  }
}

export function barLine(moved: number, totalBytes: number | undefined): string {
  if (totalBytes === undefined) return formatSize(moved)
  const share = totalBytes === 0 ? 1 : Math.min(1, moved / totalBytes)
  const filled = Math.round(share * BAR_WIDTH)
  const bar = '#'.repeat(filled).padEnd(BAR_WIDTH, '.')
  return `[${bar}] ${`${Math.floor(share * 100)}`.padStart(3)}% ${formatSize(moved)} of ${formatSize(totalBytes)}`
}
