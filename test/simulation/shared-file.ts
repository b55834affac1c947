/** Several clients replace one file and read it, at the same time: a reader gets one value, whole, and none that had gone before it began. */
import { buffer } from 'node:stream/consumers'
import type { StoreClient } from '../../actions/store.ts'
import { Actor, isUnknown, type Outcome } from './actor.ts'
import { pieceOf, piecesIn } from './pieces.ts'
import type { Client, World } from './world.ts'

/** A value that was put, or nothing, which is what a deletion puts. */
interface Value {
  /** Of its piece. */
  readonly number: number | undefined
  readonly size: number
  readonly begun: number
  /** When it was acknowledged; infinite where it never was, and may take effect at any time. */
  ended: number
}

/** What all that use the file know together. */
export class SharedValues {
  readonly path: string
  readonly #values: Value[] = [{ number: undefined, size: 0, begun: 0, ended: 0 }]
  #counter = 1

  constructor(path: string) {
    this.path = path
  }

  now(): number {
    return this.#counter++
  }

  begin(number: number | undefined, size: number): Value {
    const value = { number, size, begun: this.now(), ended: Number.POSITIVE_INFINITY }
    this.#values.push(value)
    return value
  }

  /** It has changed nothing. */
  refused(value: Value): void {
    this.#values.splice(this.#values.indexOf(value), 1)
  }

  /** What is wrong with what a reader got that began then, if anything is. */
  judge(text: string | undefined, begun: number): string | undefined {
    const numbers =
      text === undefined ? [undefined] : piecesIn(text, number => this.#values.find(value => value.number === number)?.size ?? 0)
    if (numbers?.length !== 1) return `gave what nobody has put: ${text?.slice(0, 60)} (${text?.length})`
    const values = this.#values.filter(({ number }) => number === numbers[0])
    if (values.length === 0) return `gave piece ${numbers[0]}, which was refused`
    // Another that began after it had ended, and ended before the reader began, has replaced it for good.
    const isStale = ({ ended }: Value): boolean => this.#values.some(other => other.begun > ended && other.ended < begun)
    return values.every(isStale)
      ? `gave ${numbers[0] === undefined ? 'nothing' : `piece ${numbers[0]}`}, which had been replaced before`
      : undefined
  }
}

export class SharedFileUser extends Actor {
  readonly #values: SharedValues
  readonly #steps: number

  constructor(name: string, world: World, client: Client, values: SharedValues, steps: number) {
    super(name, world, client)
    this.#values = values
    this.#steps = steps
  }

  protected override async act(): Promise<void> {
    for (let left = this.#steps; left > 0; left--) {
      await this.think(400)
      await this.odds.weighed([
        [4, () => this.#put()],
        [3, () => this.#get(this.store, false)],
        [3, () => this.#readSlowly()],
        [1, () => this.#delete()],
      ])()
    }
  }

  override async verify(store: StoreClient): Promise<void> {
    await this.#get(store, true)
  }

  async #put(): Promise<void> {
    const { path } = this.#values
    const { blockBytes } = this.world.shape
    const number = this.world.pieces++
    const size = this.odds.of([20, blockBytes, 3 * blockBytes + 5])
    const value = this.#values.begin(number, size)
    const outcome = await this.attempt(`put ${path} ${number} of ${size}`, options =>
      this.store.put(path, pieceOf(number, size), options),
    )
    if (!outcome.code) value.ended = this.#values.now()
    else if (!isUnknown(outcome)) {
      this.#values.refused(value)
      if (!this.#mayRefuse(outcome)) this.unexpected(`put ${path}`, outcome)
    }
  }

  async #delete(): Promise<void> {
    const { path } = this.#values
    const value = this.#values.begin(undefined, 0)
    const outcome = await this.attempt(`delete ${path}`, options => this.store.delete(path, options))
    if (!outcome.code) value.ended = this.#values.now()
    else if (!isUnknown(outcome)) this.unexpected(`delete ${path}`, outcome)
  }

  #mayRefuse({ code }: Outcome<unknown>): boolean {
    if (code === 'DATA_LOST') return this.world.mayLoseData
    // A claim ends with the connection of its writer; and one whose file is deleted puts again, for as long as it is patient.
    return code === 'BUSY' || code === 'NO_SPACE' || code === 'NOT_FOUND'
  }

  async #get(store: StoreClient, certainly: boolean): Promise<void> {
    const begun = this.#values.now()
    const outcome = await this.attempt('get the shared file', async () => (await store.get(this.#values.path)).toString('latin1'))
    this.#judge('get', outcome, begun, certainly)
  }

  /** Others replace it meanwhile. */
  async #readSlowly(): Promise<void> {
    const begun = this.#values.now()
    const outcome = await this.attempt('read the shared file', async () => {
      const file = await this.store.lookup(this.#values.path, 'file')
      const stream = file.createReadStream()
      stream.on('error', () => {})
      await this.think(200)
      return (await buffer(stream)).toString('latin1')
    })
    if (outcome.code !== 'BLOCK_GONE') this.#judge('read', outcome, begun, false)
  }

  #judge(what: string, outcome: Outcome<string>, begun: number, certainly: boolean): void {
    if (!outcome.code || outcome.code === 'NOT_FOUND') {
      const wrong = this.#values.judge(outcome.value, begun)
      if (wrong) this.complain(`${what} of ${this.#values.path} ${wrong}`)
    } else if (outcome.code === 'DATA_LOST')
      this.expect(this.world.mayLoseData, () => `${this.#values.path} is lost, and nothing can be`)
    else if (certainly || !isUnknown(outcome)) this.unexpected(`${what} of ${this.#values.path}`, outcome)
  }
}
