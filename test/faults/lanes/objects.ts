import type { ActionNode } from 'glider'
import type { OperationKind, Outcome } from '../operations.ts'
import type { Work } from './lane.ts'

/** Streams that one object takes before another is made. */
const MOST_STREAMS = 30

/** Action objects one after another, each in a node of its own: what was written to one is in that one, or lost with it. */
export class Objects {
  readonly #work: Work
  readonly #name: string
  readonly #definition: string
  #made = 0
  #streams = 0
  #node: ActionNode | undefined

  constructor(work: Work, name: string, definition: string) {
    this.#work = work
    this.#name = name
    this.#definition = definition
  }

  get path(): string {
    return `${this.#work.root}/${this.#name}-${this.#made}`
  }

  /** The one that is there; undefined where none can be had. */
  get node(): ActionNode | undefined {
    return this.#node
  }

  /** Makes the next one. */
  async make(): Promise<void> {
    const { store, operations, note } = this.#work
    this.#made++
    this.#streams = 0
    const { path } = this
    const created = await operations.run('create', path, operations.call.timeoutMs, () =>
      store.create(path, 'action', operations.call),
    )
    if (!created.ok) return
    const params = { name: path }
    const made = await operations.run('create an object', path, operations.call.timeoutMs, () =>
      created.value.create(this.#definition, {
        ...operations.call,
        interleaved: true,
        ...(this.#definition.startsWith('std/') ? {} : { params }),
      }),
    )
    if (made.ok) this.#node = created.value
    else note({ kind: 'dropped', path })
    // Where it is not known whether there is one, it is of no use either.
    if (!made.ok) await this.#delete(path)
  }

  get isWorn(): boolean {
    return this.#streams >= MOST_STREAMS
  }

  /** Ends the one that is there. */
  async end(): Promise<void> {
    this.#node = undefined
    await this.#delete(this.path)
  }

  /** Something that its object is asked for. An object that is lost is done with. */
  async use<T>(kind: OperationKind, mostMs: number, work: () => Promise<T>): Promise<Outcome<T>> {
    this.#streams++
    const outcome = await this.#work.operations.run(kind, this.path, mostMs, work)
    if (!outcome.ok && outcome.code === 'ACTION_LOST') await this.end()
    return outcome
  }

  async #delete(path: string): Promise<void> {
    const { store, operations } = this.#work
    await operations.run('delete', path, operations.call.timeoutMs, () =>
      store.delete(path, { ...operations.call, recursive: true }),
    )
  }
}
