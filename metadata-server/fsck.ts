/**
 * Compares the tree with what every server holds, while the cluster goes on working. Always holds: only what is stable is judged,
 * so that what is being written or freed is never a finding; and what a node or an open claim owns is never touched.
 */
import type { FsckReport } from '../protocol/catalogue.ts'
import type { Clock } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import { compareGenerations, type Generation } from '../protocol/generation.ts'
import type { InventoryRow } from '../protocol/inventory.ts'
import type { Log } from '../server/log.ts'
import type { Block, BlockSpace } from './blocks.ts'
import { Findings } from './findings.ts'
import type { Generations } from './generations.ts'
import { type InventoryPage, inventoryOf } from './inventory.ts'
import type { Membership } from './membership.ts'
import { isNobodys, type Orphans } from './orphans.ts'
import { type Home, type Owner, Ownership } from './ownership.ts'
import type { Reaper } from './reaper.ts'
import { isLost, type ServerRecord } from './servers.ts'
import { freeLeak, type Leak, leaksOf } from './slot-check.ts'
import type { SlotSpace } from './slots.ts'
import type { BlockSpaces } from './spaces.ts'

export interface FsckParts {
  readonly clock: Clock
  readonly log: Log
  /** All namespaces. */
  readonly homes: () => readonly (Home & { readonly reaper: Reaper })[]
  readonly blocks: BlockSpaces
  readonly generations: Generations
  readonly membership: Membership
  readonly orphans: Orphans
}

/** Steps of the walk in one turn, and numbers of blocks that are compared. */
const SLICE = 2000
const RANGE = 8 << 10

export class Fsck {
  readonly #parts: FsckParts
  /** The last check that was asked for: they run one after another. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: FsckParts) {
    this.#parts = parts
  }

  run(repair: boolean): Promise<FsckReport> {
    const run = this.#last.then(() => new Check(this.#parts, repair).run())
    this.#last = run.catch(() => {})
    return run
  }
}

/** One run. */
class Check {
  readonly #parts: FsckParts
  readonly #repair: boolean
  readonly #findings = new Findings()
  readonly #ownership: Ownership
  readonly #homes: readonly (Home & { readonly reaper: Reaper })[]
  /** What was handed out later is too young to be judged. */
  readonly #since: Generation

  constructor(parts: FsckParts, repair: boolean) {
    this.#parts = parts
    this.#repair = repair
    this.#since = parts.generations.last
    this.#homes = parts.homes()
    const { blocks } = parts
    this.#ownership = new Ownership({
      homes: this.#homes,
      blockBytes: blocks.blockBytes,
      doubly: (block, owner, other) => this.#doubly(block, owner, other),
    })
  }

  async run(): Promise<FsckReport> {
    const { membership } = this.#parts
    const ownership = this.#ownership
    await this.#walk()
    let slots = 0
    const members = membership.members()
    const spaces = new Set<BlockSpace>(ownership.spaces.keys())
    for (const { role, space } of members) if (role === 'storage') spaces.add(space)
    for (const space of spaces) await this.#compareBlocks(space)
    for (const { role, space } of members) {
      if (role !== 'active') continue
      slots += space.used
      await this.#compareSlots(space)
    }
    const unseen = [...spaces].map(space => ({ space, blocks: this.#unseen(space) }))
    for (const { reaper } of this.#homes) await reaper.settled()
    for (const { space, blocks } of unseen) await this.#unowned(space, blocks)
    return this.#findings.report({ nodes: ownership.nodes, blocks: ownership.blocks, slots, servers: members.length })
  }

  /** In slices, so that no turn of the event loop is long. */
  #walk(): Promise<void> {
    const { clock } = this.#parts
    const steps = this.#ownership.walk()
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          for (let left = SLICE; left > 0; left -= 1) if (steps.next().done) return resolve()
          clock.soon(turn)
        } catch (error) {
          reject(GliderError.from(error))
        }
      }
      turn()
    })
  }

  async #compareBlocks(space: BlockSpace): Promise<void> {
    const { server } = space
    if (isLost(server)) return this.#comparePage(space, { first: 0, end: Number.POSITIVE_INFINITY, rows: [] })
    const suspects: InventoryRow[] = []
    await this.#asking(server, async () => {
      for await (const page of inventoryOf(server)) {
        for (const row of page.rows) if (isNobodys(space, row)) suspects.push(row)
        await this.#comparePage(space, page)
      }
      const { orphans } = this.#parts
      const found = await orphans.confirm(space, suspects)
      for (const { index, bytes } of found) {
        this.#findings.orphanedBlock(server.id, index, bytes, `${server.id} holds a block that nobody owns`)
      }
      if (!this.#repair) return
      await orphans.free(space, found)
      this.#findings.repaired += found.length
    })
  }

  /** Finds what nodes own and the server does not hold. Everything committed at the walk was on the server before it answered. */
  async #comparePage(space: BlockSpace, { first, end, rows }: InventoryPage): Promise<void> {
    const owned = this.#ownership.of(space)
    const last = Math.min(end, owned.end)
    let at = 0
    for (let index = first; index < last; index += 1) {
      if (index > first && (index - first) % RANGE === 0) await this.#laterTurn()
      while (at < rows.length && rows[at]!.index < index) at += 1
      const row = rows[at]?.index === index ? rows[at] : undefined
      const { block, owner, bytes = 0 } = owned.get(index) ?? {}
      if (!block || owner?.kind !== 'node' || bytes === 0) continue
      if (row && compareGenerations(row, block) === 0 && row.bytes >= bytes) continue
      this.#missing(block, owner, bytes)
    }
  }

  #laterTurn(): Promise<void> {
    return new Promise(resolve => this.#parts.clock.soon(resolve))
  }

  #missing(block: Block, owner: Extract<Owner, { kind: 'node' }>, bytes: number): void {
    const { space, index } = block
    const { server } = space
    const path = this.#ownership.pathOf(owner)
    if (path === undefined || space.at(index) !== block) return
    const why = isLost(server) ? 'is gone' : 'does not hold them'
    this.#findings.lostData(owner.node, path, server.id, index, bytes, `${server.id} at ${server.address} ${why}`)
  }

  async #compareSlots(space: SlotSpace): Promise<void> {
    const { server } = space
    if (space.taken.size !== space.used) {
      this.#findings.wrongCount(server.id, `${server.id} has ${space.taken.size} slots taken, and counts ${space.used}`)
    }
    await this.#asking(server, async () => {
      const leaks = await leaksOf(
        space,
        (object, slot) => this.#ownership.objects.has(object) || compareGenerations(slot.generation, this.#since) > 0,
      )
      for (const leak of leaks) this.#findings.leakedSlot(server.id, slotOf(leak), describeLeak(leak, server))
      if (!this.#repair) return
      for (const leak of leaks) {
        await freeLeak(space, leak)
        this.#findings.repaired += 1
      }
    })
  }

  /** Blocks that are taken although the walk has not come upon them; checks the counts on the way. */
  #unseen(space: BlockSpace): Block[] {
    const { server } = space
    const owned = this.#ownership.of(space)
    const unseen: Block[] = []
    let taken = 0
    for (let index = 0; index < space.touched; index += 1) {
      const block = space.at(index)
      if (!block) continue
      taken += 1
      if (owned.get(index)?.block !== block && compareGenerations(block, this.#since) <= 0) unseen.push(block)
    }
    if (taken !== space.used || space.used > space.capacity || space.free < 0) {
      const counts = `${space.used} of ${space.capacity} used and ${space.free} free`
      this.#findings.wrongCount(server.id, `${server.id} has ${taken} blocks taken, and counts ${counts}`)
    }
    return unseen
  }

  /** Whatever was deleted meanwhile is free by now; what is left is nobody's. */
  async #unowned(space: BlockSpace, blocks: readonly Block[]): Promise<void> {
    for (const [at, block] of blocks.entries()) {
      if (at > 0 && at % SLICE === 0) await this.#laterTurn()
      if (space.at(block.index) !== block) continue
      const what = `${space.server.id} counts a block as taken that neither a node nor a writer owns`
      this.#findings.orphanedBlock(space.server.id, block.index, 0, what)
      if (!this.#repair) continue
      this.#parts.blocks.give(block)
      this.#findings.repaired += 1
    }
  }

  #doubly(block: Block, owner: Owner, other: Owner | undefined): void {
    const { space, index } = block
    const path = this.#ownership.pathOf(owner)
    if (path === undefined) return
    const otherPath = other && this.#ownership.pathOf(other)
    const by = otherPath ?? (space.at(index) === undefined ? 'nobody: it is counted as free' : 'another owner')
    this.#findings.doublyOwnedBlock(space.server.id, index, path, `a block of ${path} belongs to ${by} as well`)
  }

  /** A server that does not answer is told of, and the others are still checked. */
  async #asking(server: ServerRecord, ask: () => Promise<void>): Promise<void> {
    try {
      await ask()
    } catch (thrown) {
      const error = GliderError.from(thrown)
      this.#parts.log.warn({ server: server.id, error }, 'a server could not be checked')
      this.#findings.unchecked.add(server.id)
    }
  }
}

function slotOf(leak: Leak): number {
  return leak.kind === 'noSlot' ? leak.row.index : leak.slot.index
}

function describeLeak({ kind }: Leak, { id }: ServerRecord): string {
  switch (kind) {
    case 'noObject':
      return `${id} has no object in a slot that a node owns`
    case 'noNode':
      return `a slot of ${id} is taken, and no node owns it`
    case 'noSlot':
      return `${id} has an object that no node owns`
  }
}
