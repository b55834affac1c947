import type { TableNode } from 'glider'
import { contentOf, wholeContent } from '../content.ts'
import { Slot } from '../slot.ts'
import { checked, type Lane, settle, type Work } from './lane.ts'

const KEYS = 6
const SMALL_BYTES = 4_000
const LARGE_BYTES = 400_000

/** Values of a table, replaced and deleted and listed. */
export class TableLane implements Lane {
  readonly #work: Work
  readonly #path: string
  readonly #slots: ReadonlyMap<string, Slot>
  #table: TableNode | undefined

  constructor(work: Work) {
    this.#work = work
    this.#path = `${work.root}/table`
    this.#slots = new Map(Array.from({ length: KEYS }, (_, at) => [`key-${at}`, new Slot(`${this.#path}/key-${at}`)]))
  }

  async step(): Promise<void> {
    const { chance } = this.#work
    this.#table ??= await this.#begin()
    if (!this.#table) return
    const [key, slot] = chance.of([...this.#slots])
    switch (chance.below(8)) {
      case 0:
        return this.#delete(this.#table, key, slot)
      case 1:
        return this.#list(this.#table)
      case 2:
        return this.#put(this.#table, key, slot, LARGE_BYTES)
      case 3:
      case 4:
        return this.#put(this.#table, key, slot, SMALL_BYTES)
      default:
        return this.#get(this.#table, key, slot)
    }
  }

  async verify(): Promise<number> {
    if (!this.#table) return 0
    for (const [key, slot] of this.#slots) await this.#get(this.#table, key, slot)
    await this.#list(this.#table)
    return this.#slots.size
  }

  async #begin(): Promise<TableNode | undefined> {
    const { store, operations } = this.#work
    const options = { ...operations.call, ifExists: 'open' } as const
    const created = await operations.run('create', this.#path, operations.call.timeoutMs, () =>
      store.create(this.#path, 'table', options),
    )
    return created.ok ? created.value : undefined
  }

  async #put(table: TableNode, key: string, slot: Slot, most: number): Promise<void> {
    const { operations, chance } = this.#work
    const state = slot.next(16 + chance.below(most))
    const bytes = contentOf(slot.path, state.version, state.length!)
    settle(
      this.#work,
      slot,
      state,
      await operations.run('put a value', slot.path, operations.call.timeoutMs, () => table.put(key, bytes, operations.call)),
    )
  }

  async #get(table: TableNode, key: string, slot: Slot): Promise<void> {
    const { operations } = this.#work
    const expected = slot.mayBeMissing ? (['NOT_FOUND'] as const) : []
    const read = await operations.run(
      'get a value',
      slot.path,
      operations.call.timeoutMs,
      () => table.get(key, operations.call),
      expected,
    )
    if (read.ok) checked(this.#work, 'get a value', () => slot.seen(wholeContent(slot.path, read.value)))
  }

  async #delete(table: TableNode, key: string, slot: Slot): Promise<void> {
    const { operations } = this.#work
    const { path, mayBeMissing, possible } = slot
    this.#work.note({ kind: 'dropped', path })
    const state = slot.next(undefined)
    const outcome = await operations.run('delete a value', path, operations.call.timeoutMs, () =>
      table.delete(key, operations.call),
    )
    if (outcome.ok && !outcome.value && !mayBeMissing) operations.broken(`delete a value: ${path} was there, and was not found`)
    if (outcome.ok && outcome.value && possible.every(({ length }) => length === undefined))
      operations.broken(`delete a value: ${path} was not there, and was found`)
    slot.changed(state, outcome)
  }

  async #list(table: TableNode): Promise<void> {
    const { operations } = this.#work
    const listed = await operations.run('list a table', this.#path, operations.call.timeoutMs, async () => {
      const sizes = new Map<string, number>()
      for await (const { key, size } of table.entries(operations.call)) {
        if (sizes.has(key)) operations.broken(`list a table: ${this.#path} has ${key} twice`)
        sizes.set(key, size)
      }
      return sizes
    })
    if (!listed.ok) return
    for (const [key, { path, possible }] of this.#slots) {
      const size = listed.value.get(key)
      if (!possible.some(({ length }) => length === size)) operations.broken(`list a table: ${path} is shown with ${size} bytes`)
    }
  }
}
