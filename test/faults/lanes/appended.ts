import type { FileNode } from 'glider'
import { contentOf } from '../content.ts'
import { STREAM_MS } from '../operations.ts'
import { closedFor, closing, gathered, written } from './bytes.ts'
import { type Lane, shortRest, type Work } from './lane.ts'
import { Pieces } from './pieces.ts'

const MOST_PIECES = 24
const PIECE_BYTES = 120_000

/** A file that grows by appended pieces, some of them published by a sync; at times, and when bytes of it are lost, another. */
export class AppendLane implements Lane {
  readonly #work: Work
  #files = 0
  #file: FileNode | undefined
  #pieces: Pieces | undefined
  #version = 0

  constructor(work: Work) {
    this.#work = work
  }

  async step(): Promise<void> {
    const { chance } = this.#work
    if (!this.#file || !this.#pieces) return this.#begin()
    if (this.#pieces.count >= MOST_PIECES) return this.#end()
    if (chance.below(3) > 0) return this.#append(this.#file, this.#pieces)
    await this.#read(this.#file, this.#pieces)
  }

  async verify(): Promise<number> {
    if (!this.#file || !this.#pieces) return 0
    await this.#read(this.#file, this.#pieces)
    return this.#pieces?.count ?? 0
  }

  async #begin(): Promise<void> {
    const { store, operations, root } = this.#work
    const path = `${root}/appended-${this.#files++}`
    const created = await operations.run('create', path, operations.call.timeoutMs, () =>
      store.create(path, 'file', operations.call),
    )
    if (!created.ok) return
    this.#file = created.value
    this.#pieces = new Pieces(this.#work, path)
  }

  async #end(): Promise<void> {
    const { store, operations } = this.#work
    const { path } = this.#pieces!
    this.#work.note({ kind: 'dropped', path })
    this.#file = undefined
    this.#pieces = undefined
    const deleted = await operations.run('delete', path, operations.call.timeoutMs, () => store.delete(path, operations.call))
    if (deleted.ok && !deleted.value) operations.broken(`delete: ${path} was there, and there was nothing to delete`)
  }

  async #append(file: FileNode, pieces: Pieces): Promise<void> {
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
    if (outcome.code === 'DATA_LOST') await this.#end()
  }

  async #read(file: FileNode, pieces: Pieces): Promise<void> {
    const { operations } = this.#work
    const read = await operations.run('read a file', pieces.path, STREAM_MS, () => gathered(this.#work, file.createReadStream()))
    if (read.ok) pieces.seen('read a file', read.value, true)
    else if (read.code === 'DATA_LOST') await this.#end()
  }
}
