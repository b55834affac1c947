import { pipeline } from 'node:stream/promises'
import type { ActionNode } from 'glider'
import { contentOf, wholeContent } from '../content.ts'
import { STREAM_MS } from '../operations.ts'
import { closing, gathered, givenUp, pieces } from './bytes.ts'
import { checked, type Lane, type Work } from './lane.ts'
import { Objects } from './objects.ts'

const STREAM_BYTES = 400_000
/** Streams that end without an answer are written again under their key. */
const REPEATS = 4

/** What the action of test/fixtures/faults.ts tells of itself. */
interface State {
  readonly whole: readonly number[]
  readonly broken: readonly string[]
  readonly sum: number
}

/** An object that checks every byte of what is written to it, notes what was whole, and can be read and called. */
export class LedgerLane implements Lane {
  readonly #work: Work
  readonly #objects: Objects
  #version = 0
  #acknowledged = new Set<number>()
  #uncertain = new Set<number>()
  #sum = 0
  /** Calls of which nobody knows. */
  #maybe = 0

  constructor(work: Work) {
    this.#work = work
    this.#objects = new Objects(work, 'ledger', 'faults/Ledger')
  }

  async step(): Promise<void> {
    const { chance } = this.#work
    const { node } = this.#objects
    if (!node) return this.#begin()
    if (this.#objects.isWorn) {
      await this.#check(node)
      return this.#objects.end()
    }
    switch (chance.below(6)) {
      case 0:
        return this.#giveUp(node)
      case 1:
        return this.#read(node)
      case 2:
        return this.#check(node)
      case 3:
        return this.#add(node)
      default:
        return this.#write(node)
    }
  }

  async verify(): Promise<number> {
    if (this.#objects.node) await this.#check(this.#objects.node)
    if (this.#objects.node) await this.#read(this.#objects.node)
    return this.#objects.node ? this.#acknowledged.size : 0
  }

  async #begin(): Promise<void> {
    this.#acknowledged = new Set()
    this.#uncertain = new Set()
    this.#sum = 0
    this.#maybe = 0
    await this.#objects.make()
  }

  /** Counts once, however often it has to be written. */
  async #write(node: ActionNode): Promise<void> {
    const { chance } = this.#work
    const version = ++this.#version
    // Short ones go whole, in one request.
    const length = 16 + chance.below(chance.oneIn(3) ? 2_000 : STREAM_BYTES)
    const bytes = contentOf(this.#objects.path, version, length)
    const key = `${version}`
    for (let repeat = 0; repeat <= REPEATS; repeat++) {
      const outcome = await this.#objects.use('write to an action', STREAM_MS, async () => {
        const stream = node.createWriteStream({ key })
        if (bytes.length > 2_000) return pipeline(pieces(this.#work, bytes), stream)
        const closed = closing(stream)
        stream.end(bytes)
        return closed
      })
      if (outcome.ok) {
        this.#uncertain.delete(version)
        this.#acknowledged.add(version)
        return
      }
      if (!outcome.uncertain) return
      this.#uncertain.add(version)
    }
  }

  /** Half a stream, which never counts. */
  async #giveUp(node: ActionNode): Promise<void> {
    const { chance } = this.#work
    const { path } = this.#objects
    const bytes = contentOf(path, ++this.#version, 16 + chance.below(STREAM_BYTES))
    await givenUp(this.#work, 'write to an action', path, bytes.subarray(0, 1 + chance.below(bytes.length)), () =>
      node.createWriteStream(),
    )
  }

  async #read(node: ActionNode): Promise<void> {
    const read = await this.#objects.use('read from an action', STREAM_MS, () => gathered(this.#work, node.createReadStream()))
    if (read.ok) checked(this.#work, 'read from an action', () => void wholeContent(node.path, read.value))
  }

  async #add(node: ActionNode): Promise<void> {
    const { operations } = this.#work
    const outcome = await this.#objects.use('call an action', operations.call.timeoutMs, () =>
      node.call('add', 1, operations.call),
    )
    if (outcome.ok) this.#sum++
    else if (outcome.uncertain) this.#maybe++
  }

  async #check(node: ActionNode): Promise<void> {
    const { operations } = this.#work
    const acknowledged = [...this.#acknowledged]
    const answer = await this.#objects.use('call an action', operations.call.timeoutMs, () =>
      node.call('state', null, operations.call),
    )
    if (!answer.ok) return
    const { whole, broken, sum } = answer.value as State
    const { path } = this.#objects
    checked(this.#work, 'the ledger', () => {
      if (broken.length > 0) throw new Error(`${path} was given as whole: ${broken.join('; ')}`)
      const seen = new Set(whole)
      if (seen.size < whole.length) throw new Error(`${path} has counted a stream twice: ${whole.join(' ')}`)
      for (const version of acknowledged)
        if (!seen.has(version)) throw new Error(`${path}: stream ${version} was acknowledged and did not count`)
      for (const version of seen)
        if (!this.#acknowledged.has(version) && !this.#uncertain.has(version))
          throw new Error(`${path}: stream ${version} counted, and was refused or given up`)
      if (sum < this.#sum || sum > this.#sum + this.#maybe)
        throw new Error(`${path}: ${this.#sum} calls were answered and ${this.#maybe} may have run, and it counts ${sum}`)
    })
  }
}
