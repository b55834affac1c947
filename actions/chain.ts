import { AsyncLocalStorage } from 'node:async_hooks'

/** One run of user code: a hook or a call. */
interface Turn {
  readonly chain: readonly string[]
  running: boolean
  /** Who the code belongs to, for what it logs and what it throws where nobody catches it. */
  readonly owner: object | undefined
}

const turns = new AsyncLocalStorage<Turn>()
const nobody: readonly string[] = []

/**
 * The objects whose turns wait for what the running code does now: goes along with every stream and call that it opens, so
 * that coming back to one of them is refused instead of waiting for ever. Empty outside of actions, and in what a hook left
 * running behind it.
 */
export function currentChain(): readonly string[] {
  const turn = turns.getStore()
  return turn?.running ? turn.chain : nobody
}

/** Who the running code belongs to: also in the timers, promises and listeners that a hook has left behind it. */
export function currentOwner(): object | undefined {
  return turns.getStore()?.owner
}

/** Runs `work` as code of `owner` outside of its turns: for listeners, which do not remember by themselves whose they are. */
export function runAsOwner(owner: object | undefined, work: () => void): void {
  turns.run({ chain: nobody, owner, running: false }, work)
}

/** Runs `work` as a turn for which the objects of `chain` wait. What `work` throws at once rejects as well. */
export function runInChain<T>(chain: readonly string[], owner: object | undefined, work: () => T | Promise<T>): Promise<T> {
  const turn: Turn = { chain, owner, running: true }
  const end = (): void => {
    turn.running = false
  }
  try {
    const done = Promise.resolve(turns.run(turn, work))
    done.then(end, end)
    return done
  } catch (error) {
    end()
    return Promise.reject(error)
  }
}

/** `chain` with `id` behind it. */
export function extendChain(chain: readonly string[], id: string): readonly string[] {
  return chain.includes(id) ? chain : [...chain, id]
}
