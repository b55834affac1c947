import { Chance } from './chance.ts'
import { type FaceCounts, Faces } from './faces.ts'
import { fuzzFrames, newTally, type Tally } from './frame-fuzz.ts'
import { type Fuzzed, fuzzedActive, fuzzedMetadata, fuzzedStorage } from './servers.ts'

export interface FuzzOptions {
  readonly seed: number
  /** Mutated frames, over all servers; the sound ones between them are not counted. */
  readonly frames: number
  readonly faces: FaceCounts
  readonly progress: (text: string) => void
}

export interface FuzzReport {
  readonly seed: number
  /** By server. */
  readonly frames: Readonly<Record<string, Tally>>
  readonly faces: FaceCounts
  /** Of REST. */
  readonly statuses: Readonly<Record<string, number>>
  readonly grownMiB: number
}

/** A server is made anew after so many mutated frames, so that trees do not grow for ever. */
const FRAMES_PER_SERVER = 10_000
const MIB = 1 << 20
/** What the process may hold more than at the beginning, once all is over. */
const MOST_GROWTH_BYTES = 192 * MIB

/** @throws Error naming what broke a rule */
export async function fuzz({ seed, frames, faces: counts, progress }: FuzzOptions): Promise<FuzzReport> {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note).on('uncaughtException', note)
  const chance = new Chance(seed)
  const tallies: Record<string, Tally> = {}
  const before = held()
  let statuses: Readonly<Record<string, number>> = {}
  const run = async (make: () => Fuzzed | Promise<Fuzzed>, share: number): Promise<void> => {
    for (let left = Math.ceil(frames * share); left > 0; left -= FRAMES_PER_SERVER) {
      const server = await make()
      tallies[server.name] ??= newTally()
      const tally = tallies[server.name]!
      try {
        await fuzzFrames(server, chance, Math.min(left, FRAMES_PER_SERVER), tally)
      } finally {
        await server.stop()
      }
      if (unhandled.length > 0) throw new Error('nobody heard of an error', { cause: unhandled[0] })
      progress(`${server.name}: ${tally.mutated} mutated frames`)
    }
  }
  try {
    await run(fuzzedMetadata, 0.5)
    await run(fuzzedStorage, 0.25)
    await run(fuzzedActive, 0.25)
    await using faces = await Faces.open(chance)
    await faces.run(counts, progress)
    statuses = faces.statuses
    if (unhandled.length > 0) throw new Error('nobody heard of an error', { cause: unhandled[0] })
  } finally {
    process.off('unhandledRejection', note).off('uncaughtException', note)
  }
  const grownBytes = held() - before
  if (grownBytes > MOST_GROWTH_BYTES) throw new Error(`${grownBytes} bytes more are held than before`)
  return { seed, frames: tallies, faces: counts, statuses, grownMiB: Math.round(grownBytes / MIB) }
}

function held(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
