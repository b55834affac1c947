import { pipeline } from 'node:stream/promises'
import type { ActionNode } from 'glider'
import { STREAM_MS } from '../operations.ts'
import { gathered, givenUp, pieces } from './bytes.ts'
import { checked, type Lane, type Work } from './lane.ts'
import { Objects } from './objects.ts'

const MOST_LINES = 2_000
const REPEATS = 4

/** Lines of streams, all with keys of their own, in `std/Merge`: each stream is there as a whole, once, or not at all. */
export class MergeLane implements Lane {
  readonly #work: Work
  readonly #objects: Objects
  #streams = 0
  #acknowledged = new Map<number, number>()
  #uncertain = new Map<number, number>()

  constructor(work: Work) {
    this.#work = work
    this.#objects = new Objects(work, 'merge', 'std/Merge')
  }

  async step(): Promise<void> {
    const { chance } = this.#work
    const { node } = this.#objects
    if (!node) {
      this.#acknowledged = new Map()
      this.#uncertain = new Map()
      return this.#objects.make()
    }
    if (this.#objects.isWorn) {
      await this.#read(node)
      return this.#objects.end()
    }
    if (chance.oneIn(3)) return this.#read(node)
    await (chance.oneIn(5) ? this.#giveUp(node) : this.#write(node))
  }

  async verify(): Promise<number> {
    if (!this.#objects.node) return 0
    await this.#read(this.#objects.node)
    return this.#objects.node ? this.#acknowledged.size : 0
  }

  async #write(node: ActionNode): Promise<void> {
    const stream = ++this.#streams
    const lines = 1 + this.#work.chance.below(MOST_LINES)
    for (let repeat = 0; repeat <= REPEATS; repeat++) {
      const outcome = await this.#objects.use('write to an action', STREAM_MS, () =>
        pipeline(pieces(this.#work, linesOf(stream, lines)), node.createWriteStream({ key: `${stream}` })),
      )
      if (outcome.ok) {
        this.#uncertain.delete(stream)
        this.#acknowledged.set(stream, lines)
        return
      }
      if (!outcome.uncertain) return
      this.#uncertain.set(stream, lines)
    }
  }

  async #giveUp(node: ActionNode): Promise<void> {
    const { chance } = this.#work
    const bytes = linesOf(++this.#streams, 1 + chance.below(MOST_LINES))
    await givenUp(this.#work, 'write to an action', this.#objects.path, bytes, () => node.createWriteStream())
  }

  async #read(node: ActionNode): Promise<void> {
    const acknowledged = [...this.#acknowledged.keys()]
    const read = await this.#objects.use('read from an action', STREAM_MS, () => gathered(this.#work, node.createReadStream()))
    if (!read.ok) return
    const { path } = this.#objects
    checked(this.#work, 'read from an action', () => {
      const found = new Map<number, number>()
      for (const line of read.value.toString().split('\n').slice(0, -1)) {
        const [, stream, at, value] = /^(\d+)-(\d+),(\d+)$/.exec(line) ?? []
        if (Number(value) !== valueOf(Number(stream), Number(at))) throw new Error(`${path}: the line ${line} was never written`)
        found.set(Number(stream), (found.get(Number(stream)) ?? 0) + 1)
      }
      for (const stream of acknowledged)
        if (!found.has(stream)) throw new Error(`${path}: stream ${stream} was acknowledged and is not there`)
      for (const [stream, lines] of found) {
        const written = this.#acknowledged.get(stream) ?? this.#uncertain.get(stream)
        if (written !== lines)
          throw new Error(`${path}: of stream ${stream} there are ${lines} lines, and ${written ?? 'none'} were to count`)
      }
    })
  }
}

function linesOf(stream: number, lines: number): Buffer {
  return Buffer.from(Array.from({ length: lines }, (_, at) => `${stream}-${at},${valueOf(stream, at)}\n`).join(''))
}

/** Twice as much, where it has counted twice. */
function valueOf(stream: number, at: number): number {
  return 1 + stream * 100_000 + at
}
