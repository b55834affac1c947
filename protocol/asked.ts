import type { GliderError } from './errors.ts'
import type { Operation } from './operation.ts'
import type { Answer } from './peer.ts'
import type { Pending } from './requests.ts'

/** A request whose answer is decoded, and handed on as what `take` makes of it. A throw in `take` becomes the failure. */
export class Asked<Head, A, R> implements Pending {
  readonly #operation: Operation<Head, A>
  readonly #take: (head: A, body: Buffer) => R
  readonly #resolve: (value: R) => void
  readonly #reject: (error: GliderError) => void
  #unheed: (() => void) | undefined

  constructor(
    operation: Operation<Head, A>,
    take: (head: A, body: Buffer) => R,
    resolve: (value: R) => void,
    reject: (error: GliderError) => void,
  ) {
    this.#operation = operation
    this.#take = take
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Listens to the signal until the request has been answered or has failed. */
  heed(signal: AbortSignal, onAbort: () => void): void {
    signal.addEventListener('abort', onAbort)
    this.#unheed = () => signal.removeEventListener('abort', onAbort)
  }

  /** Small bodies share memory of Node's pool, as small Buffers do everywhere. */
  place(bodyBytes: number): Uint8Array {
    return Buffer.allocUnsafe(bodyBytes)
  }

  answered(head: Buffer, body: Buffer, placed: boolean): void {
    const own = placed || body.length === 0 ? body : Buffer.from(body)
    const value = this.#take(this.#operation.decodeAnswer(head), own)
    this.#unheed?.()
    this.#resolve(value)
  }

  failed(error: GliderError): void {
    this.#unheed?.()
    this.#reject(error)
  }
}

export function answerOf<A>(head: A, body: Buffer): Answer<A> {
  return { head, body }
}
