/** Asks a server what it holds. */
import { catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { decodeInventory, type InventoryRow } from '../protocol/inventory.ts'
import type { ServerRecord } from './servers.ts'

const ANSWER_TIMEOUT_MS = 10_000

/** What is held under the numbers from `first` up to, and without, `end`; `rows` are in rising order. */
export interface InventoryPage {
  readonly first: number
  readonly end: number
  readonly rows: readonly InventoryRow[]
}

/** @throws GliderError UNAVAILABLE where the server cannot be asked, TIMEOUT where it does not answer */
export async function inventoryPage(server: ServerRecord, first: number): Promise<InventoryPage> {
  const operation = server.storageClass === 'active' ? catalogue.listObjects : catalogue.listBlocks
  if (!server.connection) throw new GliderError('UNAVAILABLE', `${server.id} is not connected: try again`)
  const { head, body } = await server.connection.request(operation, { first }, { timeoutMs: ANSWER_TIMEOUT_MS })
  const rows = decodeInventory(body)
  const end = head.next ?? Number.POSITIVE_INFINITY
  let above = first
  for (const { index } of rows) {
    if (index < above || index >= end) throw unordered(server)
    above = index + 1
  }
  if (end <= first) throw unordered(server)
  return { first, end, rows }
}

export async function* inventoryOf(server: ServerRecord): AsyncGenerator<InventoryPage, undefined> {
  for (let first = 0; first < Number.POSITIVE_INFINITY; ) {
    const page = await inventoryPage(server, first)
    yield page
    first = page.end
  }
  return undefined
}

function unordered({ id }: ServerRecord): GliderError {
  return new GliderError('PROTOCOL_ERROR', `the inventory of ${id} is not in rising order`)
}
