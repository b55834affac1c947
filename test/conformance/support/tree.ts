/** What tests of the tree ask again and again. */
import { randomUUID } from 'node:crypto'
import type { ServerInfo, StoreClient } from 'glider'

export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export async function namesIn(store: StoreClient, path: string): Promise<string[]> {
  return (await allOf(store.list(path))).map(({ name }) => name).sort()
}

/** The first step of a listing. */
export function firstOf<T>(items: AsyncIterable<T>): Promise<IteratorResult<T>> {
  return items[Symbol.asyncIterator]().next()
}

/** A name that no storage class has. */
export const unknownClass = `no-such-class-${randomUUID()}`

/** The storage classes for data that have room now. */
export async function classesWithRoom(store: StoreClient): Promise<string[]> {
  const servers = await store.servers()
  return [...new Set(servers.filter(hasRoom).map(({ storageClass }) => storageClass))]
}

/** A class that has no room, as long as nobody else makes any; undefined where each has some. */
export async function fullClass(store: StoreClient): Promise<string | undefined> {
  const withRoom = await classesWithRoom(store)
  return ['disk', 'dram'].find(name => !withRoom.includes(name))
}

function hasRoom({ role, state, free }: ServerInfo): boolean {
  return role === 'storage' && state === 'live' && free > 0
}
