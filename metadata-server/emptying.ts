import type { GliderError } from '../protocol/errors.ts'
import type { Member } from './members.ts'

interface Waiter {
  resolve(): void
  reject(error: GliderError): void
}

/** Those who wait until nobody owns anything on a server any more. */
export class Emptying {
  readonly #waiters = new Map<Member, Set<Waiter>>()

  wait(member: Member, signal: AbortSignal): Promise<void> {
    if (member.space.used === 0 || signal.aborted) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(member) ?? new Set()
      this.#waiters.set(member, waiters)
      const leave = (): void => {
        waiters.delete(waiter)
        if (waiters.size === 0 && this.#waiters.get(member) === waiters) this.#end(member)
      }
      const waiter: Waiter = {
        resolve() {
          signal.removeEventListener('abort', onAbort)
          resolve()
        },
        reject(error) {
          signal.removeEventListener('abort', onAbort)
          reject(error)
        },
      }
      const onAbort = (): void => {
        leave()
        resolve()
      }
      signal.addEventListener('abort', onAbort, { once: true })
      waiters.add(waiter)
      member.space.onEmpty = () => {
        for (const told of this.#end(member)) told.resolve()
      }
    })
  }

  /** It will not be told any more. */
  abandon(member: Member, why: GliderError): void {
    for (const waiter of this.#end(member)) waiter.reject(why)
  }

  #end(member: Member): Iterable<Waiter> {
    const waiters = this.#waiters.get(member) ?? []
    this.#waiters.delete(member)
    member.space.onEmpty = undefined
    return waiters
  }
}
