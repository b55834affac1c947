/** A client with leases: a node lives as long as its lease is renewed, and is gone soon after nobody does so any more. */
import type { Lease, StoreClient } from '../../actions/store.ts'
import { Actor, isUnknown, outcomeOf } from './actor.ts'
import type { Client, World } from './world.ts'

interface Leased {
  readonly path: string
  readonly lease: Lease
  readonly ttlMs: number
  ended: boolean
}

export class Lessee extends Actor {
  readonly #steps: number
  readonly #leased: Leased[] = []
  #taken = 0
  /** Paths of nodes that are to live without a lease. */
  readonly #free = new Set<string>()

  constructor(name: string, world: World, client: Client, steps: number) {
    super(name, world, client)
    this.#steps = steps
  }

  protected override async act(): Promise<void> {
    for (let left = this.#steps; left > 0; left--) {
      await this.think(1_000)
      await this.odds.weighed([
        [3, () => this.#take()],
        [2, () => this.#release()],
        [2, () => this.#look()],
      ])()
    }
  }

  /** While its client is still there. */
  override async verify(store: StoreClient): Promise<void> {
    for (const path of this.#free) {
      const exists = await this.attempt(`is ${path} there`, () => store.exists(path))
      this.expect(exists.value === true, () => `${path} has no lease any more, and is gone`)
    }
    for (const leased of this.#leased.filter(({ ended }) => !ended)) await this.#check(store, leased)
  }

  /** Once its client was closed, or has died: `store` is another's. */
  async verifyGone(store: StoreClient): Promise<void> {
    for (const { path, ended } of this.#leased) {
      if (ended) continue
      const exists = await outcomeOf(() => store.exists(path))
      this.expect(exists.value === false, () => `${path} is there although nobody renews its lease`)
    }
  }

  async #take(): Promise<void> {
    const path = `/${this.name}-${this.#taken++}`
    const ttlMs = this.odds.of([600, 900, 2_000, 3_500])
    const made = await this.attempt(`create ${path}`, options => this.store.create(path, 'file', options))
    if (made.code) {
      if (!isUnknown(made)) this.unexpected(`create ${path}`, made)
      return
    }
    const taken = await this.attempt(`lease ${path} for ${ttlMs}`, options => this.store.lease(path, { ttlMs, ...options }))
    if (!taken.code) this.#leased.push({ path, lease: taken.value, ttlMs, ended: false })
    else if (!isUnknown(taken)) this.unexpected(`lease ${path}`, taken)
  }

  async #release(): Promise<void> {
    const leased = this.#leased.find(({ ended }) => !ended)
    if (!leased) return
    const { path, lease } = leased
    const outcome = await this.attempt(`release ${path}`, options => lease.release(options))
    if (isUnknown(outcome)) return
    leased.ended = true
    if (!outcome.code) this.#free.add(path)
    else if (outcome.code !== 'NOT_FOUND' || !this.#mayExpire(leased)) this.unexpected(`release ${path}`, outcome)
  }

  async #look(): Promise<void> {
    for (const leased of this.#leased.filter(({ ended }) => !ended)) await this.#check(this.store, leased)
  }

  async #check(store: StoreClient, leased: Leased): Promise<void> {
    const { path, lease } = leased
    const wasLost = lease.signal.aborted
    const exists = await this.attempt(`is ${path} there`, options => store.exists(path, options))
    if (exists.code) return
    if (wasLost) this.expect(!exists.value, () => `${path} is there although its lease is lost`)
    if (!exists.value) this.expect(this.#mayExpire(leased), () => `${path} is gone although its lease was renewed all the time`)
    if (!exists.value) leased.ended = true
  }

  /** Whether something has kept its renewals from coming in time. */
  #mayExpire({ ttlMs }: Leased): boolean {
    return this.client.process.state === 'dead' || this.world.longestSilenceMs() > ttlMs / 4
  }
}
