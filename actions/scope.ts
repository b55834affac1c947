import { GliderError } from '../protocol/errors.ts'
import { runAsOwner } from './current-turn.ts'
import type { Departure } from './departure.ts'

function ignore(): void {}

/**
 * The life of one turn: it runs until its hook has returned, and may be aborted at any time. Always holds: once aborted, the
 * reason never changes, and every listener has heard of it once.
 */
export class TurnScope {
  /** The hook and its object, for messages. */
  readonly #what: string
  /** Of what listens to the signal. */
  readonly #owner: object | undefined
  readonly #listeners = new Set<(reason: GliderError) => void>()
  /** Made when first asked for: most hooks never look at their signal. */
  #controller: AbortController | undefined
  #reason: GliderError | undefined
  #returned = false
  #refusal: GliderError | undefined

  constructor(what: string, owner?: object) {
    this.#what = what
    this.#owner = owner
  }

  /** Why it was aborted. */
  get reason(): GliderError | undefined {
    return this.#reason
  }

  /** Fires, with the reason, when it is aborted. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#reason) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Answers the reason that holds: this one, or that of an earlier abort. */
  abort(reason: GliderError): GliderError {
    if (this.#reason) return this.#reason
    this.#reason = reason
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of listeners) listener(reason)
    const controller = this.#controller
    if (controller) runAsOwner(this.#owner, () => controller.abort(reason))
    return reason
  }

  /** Is aborted when the other side goes; answers how to stop listening. */
  follow(departure: Departure | undefined): () => void {
    if (!departure) return ignore
    departure.listener = reason => this.abort(reason)
    return () => {
      departure.listener = undefined
    }
  }

  /** `listener` runs when it is aborted, at once if it has been; the answer takes it off again. */
  onAbort(listener: (reason: GliderError) => void): () => void {
    if (this.#reason) {
      listener(this.#reason)
      return () => {}
    }
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** From now on the hook's input and output refuse. */
  hookReturned(): void {
    this.#returned = true
  }

  get hasReturned(): boolean {
    return this.#returned
  }

  assertHookRuns(): void {
    if (this.#returned) throw this.returnedError()
    if (this.#reason) throw this.#reason
  }

  returnedError(): GliderError {
    return new GliderError('INVALID_ARGUMENT', `${this.#what} has returned: await what uses its input or output before that`)
  }

  /** An error of the stream itself, not of the user's code: where the hook lets it through, the peer gets it as it is. */
  readonly refuse = (message: string): GliderError => {
    this.#refusal = new GliderError('INVALID_ARGUMENT', `${this.#what}: ${message}`)
    return this.#refusal
  }

  isRefusal(thrown: unknown): boolean {
    return thrown !== undefined && thrown === this.#refusal
  }

  /** As `promise`, but rejects as soon as it is aborted. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const off = this.onAbort(reject)
      promise.then(
        value => {
          off()
          resolve(value)
        },
        error => {
          off()
          reject(error)
        },
      )
    })
  }
}
