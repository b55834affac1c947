import { pipeline } from 'node:stream/promises'
import { contentOf, wholeContent } from '../content.ts'
import { type OperationKind, STREAM_MS } from '../operations.ts'
import { Slot } from '../slot.ts'
import { gathered, givenUp, pieces } from './bytes.ts'
import { checked, type Lane, settle, type Work } from './lane.ts'

const SLOTS = 5
const SMALL_BYTES = 4_000
const LARGE_BYTES = 1_200_000
const CLASSES = [undefined, undefined, ['dram'], ['disk'], 'disk'] as const

/** Files that are replaced as a whole, by puts and by streams, read in every way, and deleted. */
export class FileLane implements Lane {
  readonly #work: Work
  readonly #slots: readonly Slot[]

  constructor(work: Work, name: string) {
    this.#work = work
    this.#slots = Array.from({ length: SLOTS }, (_, at) => new Slot(`${work.root}/${name}-${at}`))
  }

  async step(): Promise<void> {
    const { chance } = this.#work
    const slot = chance.of(this.#slots)
    switch (chance.below(10)) {
      case 0:
        return this.#put('put a small file', slot, chance.below(SMALL_BYTES))
      case 1:
      case 2:
        return this.#put('put a large file', slot, SMALL_BYTES + chance.below(LARGE_BYTES))
      case 3:
      case 4:
        return this.#write(slot)
      case 5:
        return this.#abort(slot)
      case 6:
        return this.#get(slot)
      case 7:
        return this.#read(slot)
      case 8:
        return this.#range(slot)
      default:
        return chance.oneIn(4) ? this.#delete(slot) : this.#read(slot)
    }
  }

  async verify(): Promise<number> {
    for (const slot of this.#slots) {
      await this.#get(slot)
      await this.#read(slot)
    }
    return this.#slots.length
  }

  async #put(kind: OperationKind, slot: Slot, size: number): Promise<void> {
    const { store, operations, chance } = this.#work
    const { path } = slot
    const storageClass = chance.of(CLASSES)
    const state = slot.next(Math.max(size, 16))
    const bytes = contentOf(path, state.version, state.length!)
    const options = { ...operations.call, ...(storageClass && { storageClass }) }
    settle(
      this.#work,
      slot,
      state,
      await operations.run(kind, path, operations.call.timeoutMs, () => store.put(path, bytes, options)),
    )
  }

  async #write(slot: Slot): Promise<void> {
    const { store, operations, chance } = this.#work
    const { path } = slot
    if (slot.mayBeMissing) return this.#put('put a large file', slot, chance.below(LARGE_BYTES))
    const node = await operations.run('lookup', path, operations.call.timeoutMs, () =>
      store.lookup(path, 'file', operations.call),
    )
    if (!node.ok) return
    const state = slot.next(16 + chance.below(2 * LARGE_BYTES))
    const bytes = contentOf(path, state.version, state.length!)
    const outcome = await operations.run('write a file', path, STREAM_MS, () =>
      pipeline(pieces(this.#work, bytes), node.value.createWriteStream()),
    )
    settle(this.#work, slot, state, outcome)
  }

  /** Half a file: nobody may ever see it. */
  async #abort(slot: Slot): Promise<void> {
    const { store, operations, chance } = this.#work
    const { path } = slot
    if (slot.mayBeMissing) return
    const node = await operations.run('lookup', path, operations.call.timeoutMs, () =>
      store.lookup(path, 'file', operations.call),
    )
    if (!node.ok) return
    const { version, length } = slot.next(16 + chance.below(LARGE_BYTES))
    const bytes = contentOf(path, version, length!)
    await givenUp(this.#work, 'write a file', path, bytes.subarray(0, 1 + chance.below(bytes.length)), () =>
      node.value.createWriteStream(),
    )
  }

  async #get(slot: Slot): Promise<void> {
    const { store, operations } = this.#work
    const missing = slot.mayBeMissing
    const read = await operations.run(
      'get a file',
      slot.path,
      operations.call.timeoutMs,
      () => store.get(slot.path, operations.call),
      missing ? ['NOT_FOUND'] : [],
    )
    if (read.ok) checked(this.#work, 'get a file', () => slot.seen(wholeContent(slot.path, read.value)))
  }

  async #read(slot: Slot): Promise<void> {
    const { operations } = this.#work
    const node = await this.#lookup(slot)
    if (!node) return
    const read = await operations.run(
      'read a file',
      slot.path,
      STREAM_MS,
      () => gathered(this.#work, node.createReadStream()),
      this.#expected(slot),
    )
    if (read.ok) checked(this.#work, 'read a file', () => slot.seen(wholeContent(slot.path, read.value)))
  }

  async #range(slot: Slot): Promise<void> {
    const { operations, chance } = this.#work
    const { possible, path } = slot
    const node = await this.#lookup(slot)
    if (!node) return
    const start = chance.below(LARGE_BYTES)
    const end = start + chance.below(LARGE_BYTES)
    const read = await operations.run(
      'read a range',
      path,
      STREAM_MS,
      () => gathered(this.#work, node.createReadStream({ start, end })),
      this.#expected(slot),
    )
    if (!read.ok) return
    const isOne = possible.some(
      ({ version, length }) =>
        length !== undefined &&
        contentOf(path, version, length)
          .subarray(start, end + 1)
          .equals(read.value),
    )
    checked(this.#work, 'read a range', () => {
      if (!isOne)
        throw new Error(
          `${path}: the ${read.value.length} bytes from ${start} to ${end} are those of no version that may be there`,
        )
    })
  }

  async #delete(slot: Slot): Promise<void> {
    const { store, operations } = this.#work
    const { path, mayBeMissing } = slot
    this.#work.note({ kind: 'dropped', path })
    const state = slot.next(undefined)
    const outcome = await operations.run('delete', path, operations.call.timeoutMs, () => store.delete(path, operations.call))
    if (outcome.ok && !outcome.value && !mayBeMissing)
      operations.broken(`delete: ${path} was there, and there was nothing to delete`)
    slot.changed(state, outcome)
  }

  /** Undefined where it cannot be had, or may not be there. */
  async #lookup(slot: Slot) {
    const { store, operations } = this.#work
    const expected = this.#expected(slot)
    const node = await operations.run(
      'lookup',
      slot.path,
      operations.call.timeoutMs,
      () => store.lookup(slot.path, 'file', operations.call),
      expected,
    )
    return node.ok ? node.value : undefined
  }

  /** What a reader is told where the file may be deleted, or replaced, by what this client has begun and heard no more of. */
  #expected(slot: Slot): ('NOT_FOUND' | 'BLOCK_GONE')[] {
    return [
      ...(slot.mayBeMissing ? (['NOT_FOUND'] as const) : []),
      ...(slot.possible.length > 1 ? (['BLOCK_GONE'] as const) : []),
    ]
  }
}
