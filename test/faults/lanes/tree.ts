import type { OperationKind, Outcome } from '../operations.ts'
import type { Lane, Work } from './lane.ts'

/**
 * A directory with something in it, made, renamed, listed and deleted. Each has a name that was never there before, so an answer
 * that belongs to another attempt shows: what is made anew is never there already, and what was made is never missing.
 */
export class TreeLane implements Lane {
  readonly #work: Work
  #rounds = 0

  constructor(work: Work) {
    this.#work = work
  }

  async step(): Promise<void> {
    const { store, root, chance, operations } = this.#work
    const from = `${root}/tree-${this.#rounds++}`
    const to = `${from}-moved`
    const children = 1 + chance.below(4)
    try {
      await this.#sure('create', from, () => store.create(`${from}/deep`, 'directory', { ...operations.call, parents: true }))
      for (let child = 0; child < children; child++)
        await this.#sure('put a small file', `${from}/deep/${child}`, () =>
          store.put(`${from}/deep/${child}`, `${child}`, operations.call),
        )
      await this.#sure('rename', from, () => store.rename(from, to, operations.call))
      if (await this.#sure('stat', from, () => store.exists(from, operations.call)))
        this.#broken(`${from} was renamed, and is still there`)
      const names = await this.#sure('list', to, async () => {
        const found: string[] = []
        for await (const { name } of store.list(`${to}/deep`, operations.call)) found.push(name)
        return found.sort().join(' ')
      })
      const expected = Array.from({ length: children }, (_, at) => at).join(' ')
      if (names !== expected) this.#broken(`${to} holds ${names} instead of ${expected}`)
      const deleted = await this.#sure('delete', to, () => store.delete(to, { ...operations.call, recursive: true }))
      if (!deleted) this.#broken(`${to} was there, and there was nothing to delete`)
    } catch (stop) {
      if (!(stop instanceof Uncertain)) throw stop
      // Whatever has become of it goes with the root.
    }
  }

  async verify(): Promise<number> {
    await this.step()
    return 1
  }

  #broken(what: string): void {
    this.#work.operations.broken(`the tree: ${what}`)
  }

  async #sure<T>(kind: OperationKind, path: string, work: () => Promise<T>): Promise<T> {
    const { operations } = this.#work
    const outcome: Outcome<T> = await operations.run(kind, path, operations.call.timeoutMs, work)
    if (!outcome.ok) throw new Uncertain()
    return outcome.value
  }
}

/** What follows makes no sense any more. */
class Uncertain extends Error {}
