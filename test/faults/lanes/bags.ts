import { pipeline } from 'node:stream/promises'
import type { BagNode } from 'glider'
import { contentOf } from '../content.ts'
import { STREAM_MS } from '../operations.ts'
import { gathered, givenUp, pieces as inPieces } from './bytes.ts'
import { Growing, type Grown } from './growing.ts'
import type { Lane, Work } from './lane.ts'

const MOST_PARTS = 24
const PART_BYTES = 150_000

/** A bag with two writers at a time, some of whom give up; at times, and when parts of it are lost, another. */
export class BagLane implements Lane {
  readonly #work: Work
  readonly #growing: Growing<BagNode>
  #version = 0

  constructor(work: Work) {
    const { store, operations } = work
    this.#work = work
    this.#growing = new Growing(work, 'bag', path => store.create(path, 'bag', operations.call))
  }

  async step(): Promise<void> {
    const { chance } = this.#work
    const { current } = this.#growing
    if (!current) return this.#growing.make()
    if (current.pieces.count >= MOST_PARTS) return this.#growing.end()
    if (chance.oneIn(3)) return this.#read(current)
    await Promise.all([this.#add(current), chance.oneIn(4) ? this.#giveUp(current) : this.#add(current)])
  }

  verify(): Promise<number> {
    return this.#growing.verify(current => this.#read(current))
  }

  async #add({ node: bag, pieces }: Grown<BagNode>): Promise<void> {
    const { operations, chance } = this.#work
    const version = ++this.#version
    const bytes = contentOf(pieces.path, version, 16 + chance.below(PART_BYTES))
    const outcome = await operations.run('add to a bag', pieces.path, STREAM_MS, () =>
      pipeline(inPieces(this.#work, bytes), bag.append()),
    )
    pieces.added(version, outcome)
  }

  /** Half a part: nobody may ever see it. */
  async #giveUp({ node: bag, pieces }: Grown<BagNode>): Promise<void> {
    const { chance } = this.#work
    const bytes = contentOf(pieces.path, ++this.#version, 16 + chance.below(PART_BYTES))
    await givenUp(this.#work, 'add to a bag', pieces.path, bytes.subarray(0, 1 + chance.below(bytes.length)), () => bag.append())
  }

  async #read({ node: bag, pieces }: Grown<BagNode>): Promise<void> {
    const { operations } = this.#work
    const read = await operations.run('read a bag', pieces.path, STREAM_MS, () => gathered(this.#work, bag.createReadStream()))
    if (read.ok) pieces.seen('read a bag', read.value, false)
    else if (read.code === 'DATA_LOST') await this.#growing.end()
  }
}
