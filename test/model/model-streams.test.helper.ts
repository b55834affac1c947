/** What streams promise, over the model of the namespace. */
import { type ModelNode, type NamespaceModel, Refusal } from './namespace-model.test.helper.ts'

export type WriteMode = 'replace' | 'append' | 'part'

/**
 * An open write stream. Of a file it holds the one write claim, so that a second is BUSY; keyvalues and bags have any number. It
 * holds the node: a rename does not matter to it, and once the node is deleted whatever it publishes is NOT_FOUND.
 */
export class ModelWriter {
  readonly #model: NamespaceModel
  readonly #id: number
  readonly #mode: WriteMode
  #pending = ''

  constructor(model: NamespaceModel, id: number, mode: WriteMode) {
    this.#model = model
    this.#id = id
    this.#mode = mode
    const node = model.node(id)
    if (!node) throw new Refusal('NOT_FOUND')
    if (node.claimed) throw new Refusal('BUSY')
    if (node.type === 'file') model.change(id, { claimed: true })
  }

  /** Whether its node is still there. Once it is not, each of its calls may fail, and its end will. */
  get attached(): boolean {
    return this.#model.node(this.#id) !== undefined
  }

  write(bytes: string): void {
    this.#pending += bytes
  }

  sync(): void {
    if (this.#mode !== 'append') throw new Refusal('INVALID_ARGUMENT')
    this.#publish()
  }

  close(): void {
    this.#publish()
    this.abort()
  }

  abort(): void {
    if (this.attached) this.#model.change(this.#id, { claimed: false })
  }

  #publish(): void {
    const node = this.#model.node(this.#id)
    if (!node) throw new Refusal('NOT_FOUND')
    const pending = this.#pending
    if (this.#mode !== 'part') this.#model.change(this.#id, { bytes: (this.#mode === 'append' ? node.bytes : '') + pending })
    else if (pending !== '') this.#model.change(this.#id, { parts: [...node.parts, pending] })
    this.#pending = ''
  }
}

export interface Range {
  readonly start?: number
  readonly end?: number
}

/** What a read stream gives that opens now. @throws Refusal INVALID_ARGUMENT, NOT_FOUND */
export function readNow(model: NamespaceModel, id: number, { start = 0, end = Number.POSITIVE_INFINITY }: Range): ModelNode {
  if (start > end) throw new Refusal('INVALID_ARGUMENT')
  const node = model.node(id)
  if (!node) throw new Refusal('NOT_FOUND')
  return { ...node, bytes: node.bytes.slice(start, end + 1) }
}

/**
 * Whether bytes are what a reader may get that opened when the node was as given: those bytes, or the parts of a bag in any order.
 * Each part differs from all others in how it begins, so that there is one way to take them apart.
 */
export function areBytesOf({ type, bytes, parts }: ModelNode, got: string): boolean {
  if (type !== 'bag') return got === bytes
  const left = new Set(parts)
  let rest = got
  while (rest !== '') {
    const next = [...left].find(part => rest.startsWith(part))
    if (next === undefined) return false
    left.delete(next)
    rest = rest.slice(next.length)
  }
  return left.size === 0
}
