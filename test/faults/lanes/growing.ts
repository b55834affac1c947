import type { BagNode, FileNode } from 'glider'
import type { Work } from './lane.ts'
import { Pieces } from './pieces.ts'

/** One node, and what is known of its pieces. */
export interface Grown<N extends FileNode | BagNode> {
  readonly node: N
  readonly pieces: Pieces
}

/** Nodes that grow by pieces, one after another: there is another one once the one before has enough of them, or has lost some. */
export class Growing<N extends FileNode | BagNode> {
  readonly #work: Work
  readonly #name: string
  readonly #create: (path: string) => Promise<N>
  #made = 0
  #current: Grown<N> | undefined

  constructor(work: Work, name: string, create: (path: string) => Promise<N>) {
    this.#work = work
    this.#name = name
    this.#create = create
  }

  /** The one that is there; undefined where none can be had. */
  get current(): Grown<N> | undefined {
    return this.#current
  }

  /** Makes the next one. */
  async make(): Promise<void> {
    const { operations, root } = this.#work
    const path = `${root}/${this.#name}-${this.#made++}`
    const created = await operations.run('create', path, operations.call.timeoutMs, () => this.#create(path))
    if (created.ok) this.#current = { node: created.value, pieces: new Pieces(this.#work, path) }
  }

  async end(): Promise<void> {
    const { store, operations, note } = this.#work
    const { path } = this.#current!.pieces
    note({ kind: 'dropped', path })
    this.#current = undefined
    const deleted = await operations.run('delete', path, operations.call.timeoutMs, () => store.delete(path, operations.call))
    if (deleted.ok && !deleted.value) operations.broken(`delete: ${path} was there, and there was nothing to delete`)
  }

  /** Reads all of what is there with `read`, which may end it; answers how many pieces were acknowledged. */
  async verify(read: (grown: Grown<N>) => Promise<void>): Promise<number> {
    if (!this.#current) return 0
    await read(this.#current)
    return this.#current?.pieces.count ?? 0
  }
}
