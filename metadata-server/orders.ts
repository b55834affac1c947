import type { ServerRecord } from './servers.ts'

/** Where new blocks come from. One object per order in use: nodes share them. */
export interface StorageOrder {
  /** A full one falls back to the next. */
  readonly classes: readonly string[]
  /** Within a class this server, and those on its host, come first. */
  readonly near: ServerRecord | undefined
}

export class StorageOrders {
  /** That of the namespace. */
  readonly default: StorageOrder
  readonly #known = new Map<string, StorageOrder>()
  readonly #near = new WeakMap<ServerRecord, Map<string, StorageOrder>>()

  constructor(classes: readonly string[]) {
    this.default = this.of(classes, undefined)
  }

  of(classes: readonly string[], near: ServerRecord | undefined): StorageOrder {
    const known = near ? this.#nearTo(near) : this.#known
    const key = JSON.stringify(classes)
    let order = known.get(key)
    if (!order) {
      order = Object.freeze({ classes: Object.freeze([...classes]), near })
      known.set(key, order)
    }
    return order
  }

  #nearTo(server: ServerRecord): Map<string, StorageOrder> {
    let orders = this.#near.get(server)
    if (!orders) {
      orders = new Map()
      this.#near.set(server, orders)
    }
    return orders
  }
}
