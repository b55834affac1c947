import { allContent, wholeContent } from '../content.ts'
import type { Inheritance } from '../messages.ts'
import { type OperationKind, STREAM_MS } from '../operations.ts'
import { gathered } from './bytes.ts'
import { checked, type Lane, type Work } from './lane.ts'
import { checkPieces } from './pieces.ts'

/**
 * What a client that was killed had been told: it is there, or something later that it had begun. Read path by path and then deleted
 * as a whole, so that nothing which is still on its way can come back.
 */
export class InheritedLane implements Lane {
  readonly #work: Work
  readonly #root: string
  readonly #whole: [string, number][]
  readonly #pieces: [string, readonly number[]][]
  #deleted = false

  constructor(work: Work, { root, whole, pieces }: Inheritance) {
    this.#work = work
    this.#root = root
    this.#whole = Object.entries(whole)
    this.#pieces = Object.entries(pieces)
  }

  async step(): Promise<void> {
    const [whole] = this.#whole
    const [pieces] = this.#pieces
    if (whole) {
      if (await this.#checkWhole(...whole)) this.#whole.shift()
    } else if (pieces) {
      if (await this.#checkPieces(...pieces)) this.#pieces.shift()
    } else if (!this.#deleted) await this.#delete()
  }

  async verify(): Promise<number> {
    let count = 0
    for (; !this.#deleted && count < 1_000; count++) await this.step()
    return count
  }

  async #checkWhole(path: string, version: number): Promise<boolean> {
    const { store, operations } = this.#work
    const kind: OperationKind = path.includes('/table/') ? 'get a value' : 'get a file'
    const read = await operations.run(kind, path, operations.call.timeoutMs, () => store.get(path, operations.call))
    if (!read.ok) return !read.uncertain
    checked(this.#work, kind, () => {
      const found = wholeContent(path, read.value)
      if (found.version < version) throw new Error(`${path}: version ${found.version} is there, and ${version} was acknowledged`)
    })
    return true
  }

  async #checkPieces(path: string, versions: readonly number[]): Promise<boolean> {
    const { store, operations } = this.#work
    const kind: OperationKind = path.includes('/bag-') ? 'read a bag' : 'read a file'
    const node = await operations.run('lookup', path, operations.call.timeoutMs, () =>
      store.lookup(path, undefined, operations.call),
    )
    if (!node.ok) return !node.uncertain
    const { value } = node
    if (value.type !== 'file' && value.type !== 'bag') {
      operations.broken(`lookup: ${path} is a ${value.type}`)
      return true
    }
    const read = await operations.run(kind, path, STREAM_MS, () => gathered(this.#work, value.createReadStream()))
    if (!read.ok) return !read.uncertain
    checked(this.#work, kind, () => checkPieces(path, allContent(path, read.value), versions))
    return true
  }

  async #delete(): Promise<void> {
    const { store, operations } = this.#work
    const deleted = await operations.run('delete', this.#root, operations.call.timeoutMs, () =>
      store.delete(this.#root, { ...operations.call, recursive: true }),
    )
    this.#deleted = deleted.ok || !deleted.uncertain
  }
}
