import { AsyncLocalStorage } from 'node:async_hooks'
import { NO_ORIGIN, type Origin } from '../protocol/origin.ts'

/** One run of user code: a hook or a call. */
interface Turn {
  readonly origin: Origin
  running: boolean
  /** Who the code belongs to, for what it logs and what it throws where nobody catches it. */
  readonly owner: object | undefined
}

const turns = new AsyncLocalStorage<Turn>()

/**
 * What the running code does now comes from here: it goes along with every stream and call that it opens. The objects whose turns
 * wait for it, so that coming back to one of them is refused instead of waiting for ever, are none outside of actions, and in what a
 * hook left running behind it; the operation is still known there.
 */
export function currentOrigin(): Origin {
  const turn = turns.getStore()
  if (!turn) return NO_ORIGIN
  if (turn.running) return turn.origin
  const { operation } = turn.origin
  return operation === undefined ? NO_ORIGIN : { operation }
}

/** Who the running code belongs to: also in the timers, promises and listeners that a hook has left behind it. */
export function currentOwner(): object | undefined {
  return turns.getStore()?.owner
}

/** Runs `work` as code of `owner` outside of its turns: for listeners, which do not remember by themselves whose they are. */
export function runAsOwner(owner: object | undefined, work: () => void): void {
  turns.run({ origin: NO_ORIGIN, owner, running: false }, work)
}

/** Runs `work` as a turn of this origin. What `work` throws at once rejects as well. */
export function runInTurn<T>(origin: Origin, owner: object | undefined, work: () => T | Promise<T>): Promise<T> {
  const turn: Turn = { origin, owner, running: true }
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

/** `origin` with `id` at the end of its chain. */
export function through({ chain = [], operation }: Origin, id: string): Origin {
  return { chain: chain.includes(id) ? chain : [...chain, id], operation }
}
