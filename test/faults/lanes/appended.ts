import type { FileNode } from 'glider'
import { contentOf } from '../content.ts'
import { STREAM_MS } from '../operations.ts'
import { closedFor, closing, gathered, written } from './bytes.ts'
import { Growing, type Grown } from './growing.ts'
import { type Lane, shortRest, type Work } from './lane.ts'

const MOST_PIECES = 24
const PIECE_BYTES = 120_000

/** A file that grows by appended pieces, some of them published by a sync; at times, and when bytes of it are lost, another. */
export class AppendLane implements Lane {
  readonly #work: Work
  readonly #growing: Growing<FileNode>
  #version = 0

  constructor(work: Work) {
    const { store, operations } = work
    this.#work = work
    this.#growing = new Growing(work, 'appended', path => store.create(path, 'file', operations.call))
  }

  async step(): Promise<void> {
    const { chance } = this.#work
    const { current } = this.#growing
    if (!current) return this.#growing.make()
    if (current.pieces.count >= MOST_PIECES) return this.#growing.end()
    await (chance.below(3) > 0 ? this.#append(current) : this.#read(current))
  }

  verify(): Promise<number> {
    return this.#growing.verify(current => this.#read(current))
  }

  async #append({ node: file, pieces }: Grown<FileNode>): Promise<void> {
    const { operations, chance } = this.#work
    const { path } = pieces
    /** Written, and not published yet. */
    const open: number[] = []
    const outcome = await operations.run('append to a file', path, STREAM_MS, async () => {
      const stream = file.createWriteStream({ append: true })
      const closed = closing(stream)
      try {
        for (let left = 1 + chance.below(3); left > 0; left--) {
          const version = ++this.#version
          open.push(version)
          await written(stream, closed, contentOf(path, version, 16 + chance.below(PIECE_BYTES)))
          if (chance.oneIn(3)) await shortRest(this.#work)
          if (left === 1 || chance.oneIn(2)) continue
          await stream.sync(operations.call)
          for (const one of open.splice(0)) pieces.acknowledged(one)
        }
        stream.end()
        await closed
      } finally {
        // Where a sync has failed, the stream itself is still open.
        await closedFor(stream)
      }
      for (const one of open.splice(0)) pieces.acknowledged(one)
    })
    if (outcome.ok) return
    if (outcome.uncertain) for (const one of open.splice(0)) pieces.uncertain(one)
    if (outcome.code === 'DATA_LOST') await this.#growing.end()
  }

  async #read({ node: file, pieces }: Grown<FileNode>): Promise<void> {
    const { operations } = this.#work
    const read = await operations.run('read a file', pieces.path, STREAM_MS, () => gathered(this.#work, file.createReadStream()))
    if (read.ok) pieces.seen('read a file', read.value, true)
    else if (read.code === 'DATA_LOST') await this.#growing.end()
  }
}
