import { pipeline } from 'node:stream/promises'
import type { BagNode } from 'glider'
import { contentOf } from '../content.ts'
import { STREAM_MS } from '../operations.ts'
import { closing, gathered, pieces as inPieces, written } from './bytes.ts'
import { changeOfMind, type Lane, shortRest, type Work } from './lane.ts'
import { Pieces } from './pieces.ts'

const MOST_PARTS = 24
const PART_BYTES = 150_000

/** A bag with two writers at a time, some of whom give up; at times, and when parts of it are lost, another. */
export class BagLane implements Lane {
  readonly #work: Work
  #bags = 0
  #bag: BagNode | undefined
  #pieces: Pieces | undefined
  #version = 0

  constructor(work: Work) {
    this.#work = work
  }

  async step(): Promise<void> {
    const { chance } = this.#work
    const bag = this.#bag
    const pieces = this.#pieces
    if (!bag || !pieces) return this.#begin()
    if (pieces.count >= MOST_PARTS) return this.#end()
    if (chance.oneIn(3)) return this.#read(bag, pieces)
    await Promise.all([this.#add(bag, pieces), chance.oneIn(4) ? this.#giveUp(bag, pieces) : this.#add(bag, pieces)])
  }

  async verify(): Promise<number> {
    if (!this.#bag || !this.#pieces) return 0
    await this.#read(this.#bag, this.#pieces)
    return this.#pieces?.count ?? 0
  }

  async #begin(): Promise<void> {
    const { store, operations, root } = this.#work
    const path = `${root}/bag-${this.#bags++}`
    const created = await operations.run('create', path, operations.call.timeoutMs, () =>
      store.create(path, 'bag', operations.call),
    )
    if (!created.ok) return
    this.#bag = created.value
    this.#pieces = new Pieces(this.#work, path)
  }

  async #end(): Promise<void> {
    const { store, operations } = this.#work
    const { path } = this.#pieces!
    this.#work.note({ kind: 'dropped', path })
    this.#bag = undefined
    this.#pieces = undefined
    const deleted = await operations.run('delete', path, operations.call.timeoutMs, () => store.delete(path, operations.call))
    if (deleted.ok && !deleted.value) operations.broken(`delete: ${path} was there, and there was nothing to delete`)
  }

  async #add(bag: BagNode, pieces: Pieces): Promise<void> {
    const { operations, chance } = this.#work
    const version = ++this.#version
    const bytes = contentOf(pieces.path, version, 16 + chance.below(PART_BYTES))
    const outcome = await operations.run('add to a bag', pieces.path, STREAM_MS, () =>
      pipeline(inPieces(this.#work, bytes), bag.append()),
    )
    pieces.added(version, outcome)
  }

  /** Half a part: nobody may ever see it. */
  async #giveUp(bag: BagNode, pieces: Pieces): Promise<void> {
    const { operations, chance } = this.#work
    const bytes = contentOf(pieces.path, ++this.#version, 16 + chance.below(PART_BYTES))
    await operations.run(
      'add to a bag',
      pieces.path,
      STREAM_MS,
      async () => {
        const stream = bag.append()
        const closed = closing(stream)
        await written(stream, closed, bytes.subarray(0, 1 + chance.below(bytes.length)))
        await shortRest(this.#work)
        stream.destroy(changeOfMind())
        await closed
      },
      ['CANCELLED'],
    )
  }

  async #read(bag: BagNode, pieces: Pieces): Promise<void> {
    const { operations } = this.#work
    const read = await operations.run('read a bag', pieces.path, STREAM_MS, () => gathered(this.#work, bag.createReadStream()))
    if (read.ok) pieces.seen('read a bag', read.value, false)
    else if (read.code === 'DATA_LOST') await this.#end()
  }
}
