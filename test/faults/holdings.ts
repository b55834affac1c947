import type { Clock } from '../../protocol/clock.ts'
import type { Child } from './child.ts'
import type { Probed } from './probe.system.ts'

const MIB = 1 << 20
/** What a process may hold beside what it began with, once its garbage has been collected. */
const FACTOR = 1.2
const MORE_BYTES = 32 * MIB
/** Within this time all that was open for clients is closed. */
const SETTLED_MS = 20_000
const ASK_MS = 250

export interface Holding {
  readonly residentBytes: number
  readonly handles: number
}

/** Resident size by process: what it was and is. */
export interface Grown {
  readonly startMiB: number
  readonly endMiB: number
  readonly startHandles: number
  readonly endHandles: number
}

export async function holdingOf(child: Child): Promise<Holding> {
  const probed = await child.probe()
  return { residentBytes: probed.residentBytes, handles: handlesOf(probed) }
}

/**
 * What is wrong with what a process holds, once it had time to close what nobody uses any more.
 * @param replaced it is another process than the one of the start, which may not have opened everything yet
 */
export async function compareHoldings(
  name: string,
  child: Child,
  start: Holding,
  replaced: boolean,
  clock: Clock,
): Promise<{ readonly grown: Grown; readonly wrong: string[] }> {
  const deadline = clock.now() + SETTLED_MS
  const most = FACTOR * start.residentBytes + MORE_BYTES
  let probed = await child.probe()
  const tooMuch = (): boolean => probed.residentBytes > most
  const otherHandles = (): boolean => (replaced ? handlesOf(probed) > start.handles : handlesOf(probed) !== start.handles)
  while ((tooMuch() || otherHandles()) && clock.now() < deadline) {
    await new Promise<void>(resolve => clock.after(ASK_MS, resolve))
    probed = await child.probe()
  }
  const wrong: string[] = []
  if (tooMuch()) wrong.push(`${name} holds ${mib(probed.residentBytes)} MiB, and began with ${mib(start.residentBytes)}`)
  if (otherHandles())
    wrong.push(
      `${name} has ${handlesOf(probed)} open handles, and began with ${start.handles}: ${JSON.stringify(probed.handles)}`,
    )
  const grown = {
    startMiB: mib(start.residentBytes),
    endMiB: mib(probed.residentBytes),
    startHandles: start.handles,
    endHandles: handlesOf(probed),
  }
  return { grown, wrong }
}

/** Open descriptors: sockets, files and what the event loops of a process and its threads are made of. */
function handlesOf({ descriptors }: Probed): number {
  return descriptors
}

function mib(bytes: number): number {
  return Math.round(bytes / MIB)
}
