/**
 * Blocks that a storage server holds and nobody owns. Always holds: what is called an orphan was nobody's when its server, after it
 * had been told of all that was free, still held it; and since no generation is given twice, it is nobody's from then on.
 */
import { catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import type { InventoryRow } from '../protocol/inventory.ts'
import type { BlockSpace } from './blocks.ts'
import type { Frees } from './frees.ts'
import { inventoryOf, inventoryPage } from './inventory.ts'
import type { ServerRecord } from './servers.ts'

const BATCH = 1000
const ANSWER_TIMEOUT_MS = 5000

export class Orphans {
  readonly #frees: Frees

  constructor(frees: Frees) {
    this.#frees = frees
  }

  /**
   * The orphans on one server: to be asked for and freed when a server comes back to a metadata server that was restarted meanwhile.
   * @throws GliderError UNAVAILABLE where the server cannot be asked
   */
  async find(space: BlockSpace): Promise<InventoryRow[]> {
    const suspects: InventoryRow[] = []
    for await (const { rows } of inventoryOf(space.server)) {
      for (const row of rows) if (isNobodys(space, row)) suspects.push(row)
    }
    return this.confirm(space, suspects)
  }

  /** Those of the suspects, in rising order, that are orphans; the others are being freed. */
  async confirm(space: BlockSpace, suspects: readonly InventoryRow[]): Promise<InventoryRow[]> {
    const orphans: InventoryRow[] = []
    if (suspects.length === 0) return orphans
    await whileConnected(space.server, this.#frees.flushed(space.server))
    for (let at = 0; at < suspects.length; ) {
      const { rows, end } = await inventoryPage(space.server, suspects[at]!.index)
      const held = new Map(rows.map(row => [row.index, row]))
      for (let suspect = suspects[at]; suspect && suspect.index < end; suspect = suspects[at]) {
        at += 1
        const now = held.get(suspect.index)
        if (now && isSame(now, suspect) && isNobodys(space, now)) orphans.push(now)
      }
    }
    return orphans
  }

  /** A block that was given to somebody meanwhile has a higher generation, and stays. */
  async free({ server }: BlockSpace, orphans: readonly InventoryRow[]): Promise<void> {
    for (let at = 0; at < orphans.length; at += BATCH) {
      if (!server.connection) throw gone(server)
      const blocks = orphans
        .slice(at, at + BATCH)
        .map(({ index, epoch, counter }): [number, number, number] => [index, epoch, counter])
      await server.connection.request(catalogue.freeBlocks, { blocks }, { timeoutMs: ANSWER_TIMEOUT_MS })
    }
  }
}

/** Whether nobody owns what a server holds; it may still be on its way to be freed. */
export function isNobodys(space: BlockSpace, row: InventoryRow): boolean {
  const block = space.at(row.index)
  return !block || !isSame(block, row)
}

function isSame(a: { epoch: number; counter: number }, b: { epoch: number; counter: number }): boolean {
  return a.epoch === b.epoch && a.counter === b.counter
}

async function whileConnected(server: ServerRecord, promise: Promise<void>): Promise<void> {
  const { connection } = server
  if (!connection) throw gone(server)
  let leave = (): void => {}
  const closed = new Promise<never>((_resolve, reject) => {
    leave = connection.onClose(() => reject(gone(server)))
  })
  try {
    await Promise.race([promise, closed])
  } finally {
    leave()
  }
}

function gone({ id }: ServerRecord): GliderError {
  return new GliderError('UNAVAILABLE', `${id} is not connected: try again`)
}
