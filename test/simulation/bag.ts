/** Many add parts to one bag: each part that was acknowledged is there once, and one of which nobody knows at most once. */
import { buffer } from 'node:stream/consumers'
import type { StoreClient } from '../../actions/store.ts'
import { Actor, isUnknown, type Outcome } from './actor.ts'
import { pieceOf, piecesIn } from './pieces.ts'
import type { Client, World } from './world.ts'

/** What all that write to one bag know together. */
export class BagParts {
  readonly path: string
  readonly acknowledged = new Set<number>()
  /** Whose outcome nobody knows, those under way included. */
  readonly unknown = new Set<number>()
  readonly sizes = new Map<number, number>()

  constructor(path: string) {
    this.path = path
  }

  /** What is wrong with the bytes of the bag, if anything is. */
  judge(text: string, atLeast: Iterable<number>): string | undefined {
    const numbers = piecesIn(text, number => this.sizes.get(number) ?? 0)
    if (!numbers) return `it holds bytes that nobody wrote: ${text.slice(0, 60)}`
    const seen = new Set<number>()
    for (const number of numbers) {
      if (seen.has(number)) return `it has part ${number} twice`
      if (!this.acknowledged.has(number) && !this.unknown.has(number)) return `it has part ${number}, which was never committed`
      seen.add(number)
    }
    for (const number of atLeast) if (!seen.has(number)) return `it lacks part ${number}, which was acknowledged`
    return undefined
  }
}

export class BagUser extends Actor {
  readonly #parts: BagParts
  readonly #steps: number

  constructor(name: string, world: World, client: Client, parts: BagParts, steps: number) {
    super(name, world, client)
    this.#parts = parts
    this.#steps = steps
  }

  protected override async act(): Promise<void> {
    const { path } = this.#parts
    for (let left = this.#steps; left > 0; left--) {
      await this.think(800)
      const made = await this.attempt(`open ${path}`, options => this.store.create(path, 'bag', { ifExists: 'open', ...options }))
      if (made.code) {
        if (!isUnknown(made)) this.unexpected(`open ${path}`, made)
      } else if (this.odds.oneIn(3)) await this.#read()
      else await this.#add()
    }
  }

  override async verify(store: StoreClient): Promise<void> {
    await this.#readBy(store, true)
  }

  async #add(): Promise<void> {
    const { path, unknown, acknowledged, sizes } = this.#parts
    const { blockBytes } = this.world.shape
    const number = this.world.pieces++
    const size = this.odds.of([12, 100, blockBytes, 2 * blockBytes + 3])
    const piece = pieceOf(number, size)
    sizes.set(number, size)
    unknown.add(number)
    const aborts = this.odds.oneIn(6)
    const what = `add part ${number} of ${piece.length}${aborts ? ' and abort' : ''}`
    const outcome = await this.attempt(what, async () => {
      const bag = await this.store.lookup(path, 'bag')
      const stream = bag.append()
      await new Promise<void>((resolve, reject) => {
        stream.on('error', reject)
        if (aborts) {
          stream.once('close', resolve)
          stream.write(piece, 'latin1')
          stream.destroy()
        } else stream.end(piece, 'latin1', (error?: Error | null) => (error ? reject(error) : resolve()))
      })
    })
    if (isUnknown(outcome)) return
    unknown.delete(number)
    if (aborts) return
    if (!outcome.code) acknowledged.add(number)
    else if (!this.#mayRefuse(outcome)) this.unexpected(what, outcome)
  }

  #mayRefuse({ code }: Outcome<unknown>): boolean {
    if (code === 'DATA_LOST') return this.world.mayLoseData
    // A claim ends with the connection of its writer.
    if (code === 'NOT_FOUND') return this.world.longestSilenceMs() > 0
    return code === 'NO_SPACE'
  }

  #read(): Promise<void> {
    return this.#readBy(this.store, false)
  }

  async #readBy(store: StoreClient, certainly: boolean): Promise<void> {
    const { path } = this.#parts
    const before = [...this.#parts.acknowledged]
    const outcome: Outcome<string> = await this.attempt('read the bag', async () => {
      const bag = await store.lookup(path, 'bag')
      return (await buffer(bag.createReadStream())).toString('latin1')
    })
    if (!outcome.code) {
      const wrong = this.#parts.judge(outcome.value, before)
      if (wrong) this.complain(`${path}: ${wrong}`)
    } else if (outcome.code === 'NOT_FOUND') this.expect(certainly && before.length === 0, () => `${path} is gone`)
    else if (outcome.code === 'DATA_LOST') this.expect(this.world.mayLoseData, () => `${path} is lost, and nothing can be`)
    else if (certainly || !isUnknown(outcome)) this.unexpected('read the bag', outcome)
  }
}
