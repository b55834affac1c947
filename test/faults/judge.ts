/** What has to be so once every fault is over. */
import type { StoreClient } from 'glider'
import type { Clock } from '../../protocol/clock.ts'
import type { Child } from './child.ts'
import { compareHoldings, type Grown, type Holding, holdingOf } from './holdings.ts'
import { until } from './waiting.ts'

/** A claim of a client that died while the metadata server was away is waited for that long. */
const FREED_MS = 60_000

/**
 * What fsck finds, once every server can be asked. Bytes that were on servers that have gone may be lost.
 * @param judge what is wrong with a server's being named as gone
 */
export async function checkTree(
  store: StoreClient,
  clock: Clock,
  judge: (server: string) => string | undefined,
): Promise<string[]> {
  let report = await store.fsck()
  await until('every server can be checked', clock, FREED_MS, async () => {
    report = await store.fsck()
    return report.unchecked.length === 0
  })
  const { orphanedBlocks, doublyOwnedBlocks, leakedSlots, wrongCounts } = report.found
  const others = { orphanedBlocks, doublyOwnedBlocks, leakedSlots, wrongCounts }
  const wrong: string[] = []
  if (Object.values(others).some(count => count > 0))
    wrong.push(`fsck finds ${JSON.stringify(others)}: ${JSON.stringify(report.findings)}`)
  for (const { kind, server, what } of report.findings) {
    const why = kind === 'lostData' ? judge(server) : undefined
    if (why) wrong.push(`fsck finds lost data, but ${why}: ${what}`)
  }
  return wrong
}

/** Deletes everything; resolves once nothing is taken by anybody any more. */
export async function emptyTree(store: StoreClient, clock: Clock): Promise<void> {
  const paths: string[] = []
  for await (const { path } of store.list('/')) paths.push(path)
  for (const path of paths) await store.delete(path, { recursive: true })
  await until('what was deleted is free', clock, FREED_MS, async () => {
    const { nodes, blocks, slots, storedBytes } = await store.usage()
    const servers = await store.servers()
    return (
      nodes + blocks + slots + storedBytes === 0 &&
      servers.every(({ capacity, free, state }) => state === 'live' && free === capacity)
    )
  })
}

/** What each process holds now, by the name of its place. */
export class Holdings {
  readonly #clock: Clock
  readonly #start = new Map<string, { readonly child: Child; readonly holding: Holding }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async begin(processes: Iterable<readonly [string, Child]>): Promise<void> {
    for (const [name, child] of processes) this.#start.set(name, { child, holding: await holdingOf(child) })
  }

  async compare(processes: Iterable<readonly [string, Child]>): Promise<{ grown: Record<string, Grown>; wrong: string[] }> {
    const grown: Record<string, Grown> = {}
    const wrong: string[] = []
    for (const [name, child] of processes) {
      const { holding, child: first } = this.#start.get(name)!
      const compared = await compareHoldings(name, child, holding, child !== first, this.#clock)
      grown[name] = compared.grown
      wrong.push(...compared.wrong)
    }
    return { grown, wrong }
  }
}
