/** A client with an action of its own: what it has written under a key counts once, as long as the object lives. */
import type { ActionNode, StoreClient } from '../../actions/store.ts'
import { Actor, isUnknown, type Outcome } from './actor.ts'
import type { Client, World } from './world.ts'

export class ActionUser extends Actor {
  readonly #path: string
  readonly #steps: number
  #node: ActionNode | undefined
  /** Whether there is an object; undefined where nobody knows. */
  #there: boolean | undefined = false
  /** Keys of streams that have counted in this object, and those that may have. */
  #counted = new Set<string>()
  #maybe = new Set<string>()
  #keys = 0

  constructor(name: string, world: World, client: Client, steps: number) {
    super(name, world, client)
    this.#path = `/${name}`
    this.#steps = steps
  }

  protected override async act(): Promise<void> {
    while (!this.#node) {
      const made = await this.attempt(`create ${this.#path}`, options =>
        this.store.create(this.#path, 'action', { ifExists: 'open', ...options }),
      )
      if (!made.code) this.#node = made.value
      else if (!isUnknown(made)) this.unexpected(`create ${this.#path}`, made)
      await this.think(300)
    }
    for (let left = this.#steps; left > 0; left--) {
      await this.think(700)
      if (this.#there !== true) await this.#create(this.#node)
      else {
        await this.odds.weighed([
          [5, (node: ActionNode) => this.#write(node)],
          [3, (node: ActionNode) => this.#count(node)],
          [1, (node: ActionNode) => this.#delete(node)],
        ])(this.#node)
      }
    }
  }

  override async verify(store: StoreClient): Promise<void> {
    if (!this.#node) return
    const found = await this.attempt(`find ${this.#path}`, () => store.lookup(this.#path, 'action'))
    if (found.code) this.unexpected(`find ${this.#path}`, found)
    else await this.#count(found.value, true)
  }

  async #create(node: ActionNode): Promise<void> {
    const unsure = this.#there === undefined
    const outcome = await this.attempt(`make the object of ${this.#path}`, options =>
      node.create('std/Counter', { replace: unsure, ...options }),
    )
    this.#counted = new Set()
    this.#maybe = new Set()
    if (!outcome.code) this.#there = true
    else if (isUnknown(outcome)) this.#there = undefined
    else if (outcome.code === 'ACTION_LOST') this.#lost(outcome)
    else if (outcome.code === 'NO_SLOT') this.#there = unsure ? undefined : false
    // Before the first server has said what is built in, nobody knows of it.
    else if (outcome.code !== 'NOT_FOUND') this.unexpected(`make the object of ${this.#path}`, outcome)
  }

  async #write(node: ActionNode): Promise<void> {
    const key = `${this.name}-${this.#keys++}`
    const lines = 'x\n'
    // A worker that does not know writes again under the same key.
    for (let left = 4; left > 0; left--) {
      const outcome = await this.attempt(`write ${key}`, async () => {
        const stream = node.createWriteStream({ key })
        await new Promise<void>((resolve, reject) => {
          stream.on('error', reject)
          const ended = (error?: Error | null): void => (error ? reject(error) : resolve())
          if (this.odds.oneIn(2)) stream.end(lines, ended)
          else {
            stream.write(lines)
            this.think(100).then(() => stream.end(ended), reject)
          }
        })
      })
      if (!outcome.code) {
        this.#counted.add(key)
        this.#maybe.delete(key)
        return
      }
      if (this.#isGone(`write ${key}`, outcome)) return
      this.#maybe.add(key)
      await this.think(200)
    }
  }

  async #count(node: ActionNode, certainly = false): Promise<void> {
    const outcome = await this.attempt(`count ${this.#path}`, options => node.call('value', undefined, options))
    if (outcome.code) {
      if (certainly && isUnknown(outcome)) this.unexpected(`count ${this.#path}`, outcome)
      this.#isGone(`count ${this.#path}`, outcome)
      return
    }
    const { lines } = outcome.value as { lines: number }
    if (this.#there !== true) return
    const [least, most] = [this.#counted.size, this.#counted.size + this.#maybe.size]
    this.expect(lines >= least && lines <= most, () => `${this.#path} has counted ${lines}, not ${least} to ${most}`)
  }

  async #delete(node: ActionNode): Promise<void> {
    const outcome = await this.attempt(`delete the object of ${this.#path}`, options => node.delete(options))
    if (!outcome.code) {
      this.expect(outcome.value || this.world.mayLoseObjects, () => `${this.#path} had no object to be deleted`)
      this.#there = false
    } else if (isUnknown(outcome)) this.#there = undefined
    else this.#isGone('delete', outcome)
  }

  /** Whether the outcome says that the object is not there; complains of others. */
  #isGone(what: string, outcome: Outcome<unknown>): boolean {
    if (outcome.code === 'ACTION_LOST') return this.#lost(outcome)
    if (outcome.code === 'NO_ACTION_OBJECT') {
      this.expect(this.#there !== true || this.world.mayLoseObjects, () => `${what}: there is no object`)
      this.#there = false
      return true
    }
    if (!isUnknown(outcome)) this.unexpected(what, outcome)
    return false
  }

  #lost({ message }: { readonly message?: string }): boolean {
    this.expect(this.world.mayLoseObjects, () => `${this.#path} is lost, and nothing can be: ${message}`)
    this.#there = false
    return true
  }
}
