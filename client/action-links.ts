import type { ConnectionCore } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'

/** The way to the object of an action node. */
export interface Link {
  readonly connection: ConnectionCore
  readonly location: string
  /** In binary form. */
  readonly locationBytes: Buffer
}

interface Entry {
  link: Link | undefined
  /** Who is asking for it now: they were first, and whoever comes after them does not overtake them. */
  asking: number
}

/** A client that uses more actions than this asks again for those that it has not used for long. */
const MOST = 10_000

/** Ways to objects that were found before, by node. An object that is no longer there refuses, and then the way is asked for anew. */
export class ActionLinks {
  readonly #entries = new Map<number, Entry>()

  /** Undefined where it has to be asked for. */
  known(node: number): Link | undefined {
    const entry = this.#entries.get(node)
    return entry && entry.asking === 0 && entry.link?.connection.usable ? entry.link : undefined
  }

  /** The object ends: what is asked of it from now on is to be refused, also where its server has not heard of that yet. */
  forget(node: number): void {
    const entry = this.#entries.get(node)
    if (entry) entry.link = undefined
  }

  /** Finds the way anew, and remembers it. */
  async ask(node: number, find: () => Promise<Link>): Promise<Link> {
    const entry = this.#entries.get(node) ?? { link: undefined, asking: 0 }
    this.#entries.delete(node)
    this.#entries.set(node, entry)
    if (this.#entries.size > MOST)
      for (const [oldest, { asking }] of this.#entries) if (asking === 0 && this.#entries.delete(oldest)) break
    entry.asking += 1
    try {
      entry.link = await find()
      return entry.link
    } finally {
      entry.asking -= 1
    }
  }
}

/** Whether a way that was found before leads nowhere by now, and nothing has run at its end. */
export function isStale(error: unknown): boolean {
  return error instanceof GliderError && error.code === 'BLOCK_GONE'
}
