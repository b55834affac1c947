/** Looks after the cluster while the others use it: a check finds nothing, whatever is under way. */

import type { StoreClient } from '../../actions/store.ts'
import type { FsckReport } from '../../protocol/catalogue.ts'
import { Actor, isUnknown } from './actor.ts'
import type { Client, World } from './world.ts'

export class Operator extends Actor {
  readonly #steps: number

  constructor(name: string, world: World, client: Client, steps: number) {
    super(name, world, client)
    this.#steps = steps
  }

  protected override async act(): Promise<void> {
    for (let left = this.#steps; left > 0; left--) {
      await this.think(4_000)
      await this.odds.weighed([
        [3, () => this.#check()],
        [2, () => this.#count()],
        [1, () => this.#drain()],
      ])()
    }
  }

  override async verify(): Promise<void> {}

  async #check(): Promise<void> {
    const report = await this.attempt('fsck', () => this.store.fsck({ timeoutMs: 20_000 }))
    if (!report.code) {
      const wrong = wrongIn(report.value)
      if (wrong) this.complain(`fsck found ${wrong}`)
    } else if (!isUnknown(report)) this.unexpected('fsck', report)
  }

  async #count(): Promise<void> {
    const servers = await this.attempt('servers', options => this.store.servers(options))
    if (servers.code) {
      if (!isUnknown(servers)) this.unexpected('servers', servers)
      return
    }
    for (const { id, state, capacity, used, free } of servers.value) {
      if (state === 'live' || state === 'suspect')
        this.expect(used + free === capacity, () => `${id} has ${used} used and ${free} free of ${capacity}`)
    }
  }

  async #drain(): Promise<void> {
    const servers = await this.attempt('servers', options => this.store.servers(options))
    const one = servers.value?.find(({ role, state }) => role === 'storage' && state === 'live')
    if (!one || this.world.storage.length < 3) return
    const drained = await this.attempt(`drain ${one.id}`, options => this.store.drainServer(one.id, options))
    if (drained.code && drained.code !== 'NOT_FOUND' && !isUnknown(drained)) this.unexpected('drain', drained)
    if (!this.odds.oneIn(2)) return
    const removed = await this.attempt(`remove ${one.id}`, options => this.store.removeServer(one.id, options))
    if (removed.code && !['NOT_FOUND', 'NOT_EMPTY'].includes(removed.code) && !isUnknown(removed))
      this.unexpected('remove', removed)
  }
}

/** What nothing that happens may lead to; data that died with its server is no finding here. */
export function wrongIn({ found, findings }: FsckReport): string | undefined {
  const { orphanedBlocks, doublyOwnedBlocks, leakedSlots, wrongCounts } = found
  if (orphanedBlocks + doublyOwnedBlocks + leakedSlots + wrongCounts === 0) return undefined
  return findings
    .filter(({ kind }) => kind !== 'lostData')
    .map(({ kind, what }) => `${kind}: ${what}`)
    .join('; ')
}

export async function checkUntilAsked(store: StoreClient): Promise<FsckReport> {
  for (;;) {
    const report = await store.fsck()
    if (report.unchecked.length === 0) return report
  }
}
