/** Loaded into a server by `--import`, and needs `--expose-gc`: answers its parent what the process takes, and how long it blocks. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** What the server has been since it was asked before. */
export interface Watched {
  /** The largest resident size, sampled. */
  readonly residentBytes: number
  /** The longest turn of the event loop, to a millisecond. */
  readonly longestTurnMs: number
}

const SAMPLE_MS = 20
const RESOLUTION_MS = 1

const turns = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
let residentBytes = 0

function sample(): void {
  residentBytes = Math.max(residentBytes, process.memoryUsage.rss())
}

function watched(): Watched {
  sample()
  const seen = { residentBytes, longestTurnMs: Math.max(0, turns.max / 1e6 - RESOLUTION_MS) }
  residentBytes = 0
  turns.reset()
  return seen
}

/** `heapUsed + external` after a forced collection. */
function memory(): number {
  const { gc } = globalThis
  if (!gc) throw new Error('the probe needs --expose-gc')
  gc()
  gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

process.on('message', message => {
  if (message === 'memory') process.send!({ memory: memory() })
  else if (message === 'watch') {
    // From the first time that somebody asks.
    if (turns.enable()) setInterval(sample, SAMPLE_MS).unref()
    process.send!(watched())
  }
})
