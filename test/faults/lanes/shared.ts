import { contentOf, wholeContent } from '../content.ts'
import { STREAM_MS } from '../operations.ts'
import { gathered } from './bytes.ts'
import { checked, type Lane, type Work } from './lane.ts'

const KEYS = 4
const VALUE_BYTES = 300_000
/** Where every client writes and reads. */
export const SHARED_TABLE = '/shared'

/** A table that all clients write, and the files of other clients: what is read there is whole, whoever has written it. */
export class SharedLane implements Lane {
  readonly #work: Work
  #version = 0

  constructor(work: Work) {
    this.#work = work
  }

  async step(): Promise<void> {
    const { chance } = this.#work
    if (chance.oneIn(3)) return this.#foreign()
    const path = `${SHARED_TABLE}/key-${chance.below(KEYS)}`
    if (chance.oneIn(3)) await this.#put(path)
    else await this.#get(path)
  }

  async verify(): Promise<number> {
    for (let key = 0; key < KEYS; key++) await this.#get(`${SHARED_TABLE}/key-${key}`)
    return 0
  }

  async #put(path: string): Promise<void> {
    const { store, operations, chance } = this.#work
    const bytes = contentOf(path, ++this.#version, 16 + chance.below(VALUE_BYTES))
    await operations.run('put a shared value', path, operations.call.timeoutMs, () => store.put(path, bytes, operations.call))
  }

  async #get(path: string): Promise<void> {
    const { store, operations } = this.#work
    const read = await operations.run(
      'get a shared value',
      path,
      operations.call.timeoutMs,
      () => store.get(path, operations.call),
      ['NOT_FOUND'],
    )
    if (read.ok) checked(this.#work, 'get a shared value', () => void wholeContent(path, read.value))
  }

  async #foreign(): Promise<void> {
    const { store, operations, chance } = this.#work
    const roots = await operations.run('list', '/', operations.call.timeoutMs, async () => {
      const found: string[] = []
      for await (const { path, type } of store.list('/', operations.call)) if (type === 'directory') found.push(path)
      return found
    })
    if (!roots.ok || roots.value.length === 0) return
    const path = `${chance.of(roots.value)}/${chance.of(['first', 'second'])}-${chance.below(5)}`
    const read = await operations.run('read a foreign file', path, STREAM_MS, async () => {
      const file = await store.lookup(path, 'file', operations.call)
      return gathered(this.#work, file.createReadStream())
    })
    if (read.ok) checked(this.#work, 'read a foreign file', () => void wholeContent(path, read.value))
  }
}
