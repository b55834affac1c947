/** Compares the slots of one active server with the objects in them. */
import { catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Generation } from '../protocol/generation.ts'
import type { InventoryRow } from '../protocol/inventory.ts'
import { ActionObject } from './action-object.ts'
import { inventoryOf } from './inventory.ts'
import type { Slot, SlotSpace } from './slots.ts'

/** A slot whose node and object do not belong together, after asking twice. */
export type Leak =
  | { readonly kind: 'noObject'; readonly slot: Slot; readonly object: ActionObject }
  | { readonly kind: 'noNode'; readonly slot: Slot }
  | { readonly kind: 'noSlot'; readonly row: InventoryRow }

/** @param isOwned whether an object that was there before is that of a node */
export async function leaksOf(space: SlotSpace, isOwned: (object: ActionObject, slot: Slot) => boolean): Promise<Leak[]> {
  const first = await leaksNow(space, isOwned)
  if (first.size === 0) return []
  const second = await leaksNow(space, isOwned)
  return [...second].filter(([what, leak]) => first.get(what)?.kind === leak.kind).map(([, leak]) => leak)
}

/** By the slot's or object's generation, which names it. What is being made or ended is not judged. */
async function leaksNow(space: SlotSpace, isOwned: (object: ActionObject, slot: Slot) => boolean): Promise<Map<string, Leak>> {
  const rows: InventoryRow[] = []
  for await (const page of inventoryOf(space.server)) rows.push(...page.rows)
  const held = new Set(rows.map(row => nameOf(row)))
  const leaks = new Map<string, Leak>()
  const taken = new Set<string>()
  for (const slot of space.taken.values()) {
    const name = nameOf(slot.generation)
    taken.add(name)
    if (space.leftovers.has(slot) || !(slot.occupant instanceof ActionObject)) continue
    const { occupant: object } = slot
    if (object.state === 'creating' || object.state === 'deleting') continue
    if (object.state !== 'live' || !isOwned(object, slot)) leaks.set(name, { kind: 'noNode', slot })
    else if (!held.has(name)) leaks.set(name, { kind: 'noObject', slot, object })
  }
  for (const row of rows) if (!taken.has(nameOf(row))) leaks.set(nameOf(row), { kind: 'noSlot', row })
  return leaks
}

/** @throws GliderError UNAVAILABLE where the server cannot be asked */
export async function freeLeak(space: SlotSpace, leak: Leak): Promise<void> {
  if (leak.kind === 'noObject') {
    leak.object.lost(`${space.server.id} has no object in its slot`)
    return
  }
  const where = leak.kind === 'noSlot' ? leak.row : { index: leak.slot.index, ...leak.slot.generation }
  await stop(space, where)
  if (leak.kind === 'noNode') space.give(leak.slot)
}

async function stop({ server }: SlotSpace, { index, epoch, counter }: Generation & { readonly index: number }): Promise<void> {
  if (!server.connection) throw new GliderError('UNAVAILABLE', `${server.id} is not connected: try again`)
  try {
    await server.connection.request(catalogue.stopObject, { slot: index, epoch, counter, mode: 'abort' })
  } catch (thrown) {
    const error = GliderError.from(thrown)
    // Any other failure comes from the server itself, which has answered: the object is not there.
    if (error.code === 'UNAVAILABLE') throw error
  }
}

function nameOf({ epoch, counter }: Generation): string {
  return `${epoch}.${counter}`
}
