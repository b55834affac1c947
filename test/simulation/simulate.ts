/** One schedule: a cluster, what its clients do, what goes wrong meanwhile, and what has to hold in the end. All of it follows from the seed. */
import { ActionUser } from './action-users.ts'
import { type Actor, outcomeOf } from './actor.ts'
import { BagParts, BagUser } from './bag.ts'
import { planFaults } from './faults.ts'
import { Files } from './files.ts'
import { Lessee } from './leases.ts'
import { Names, NameUser } from './names.ts'
import { Odds } from './odds.ts'
import { checkUntilAsked, Operator, wrongIn } from './operator.ts'
import { SharedFileUser, SharedValues } from './shared-file.ts'
import { World } from './world.ts'

export interface Result {
  readonly seed: number
  /** What must not happen, and has; empty where all is well. */
  readonly complaints: readonly string[]
  readonly events: number
  readonly virtualMs: number
}

/** Things go wrong for so long in a slow schedule. */
const TROUBLE_MS = 12_000
/** Everything that is under way ends in this time once all is well: twice the deadline of an operation. */
const ENDING_MS = 60_000
/** Leases end in this time that nobody renews. */
const EXPIRY_MS = 5_000
/** Clients that have gone without a word are given up in this time, and so are their claims. */
const SILENCE_MS = 22_000
/** So long claims wait after a restart for clients that do not come back. */
const RETURN_MS = 32_000
/** Longer than answers are kept. */
const FORGETTING_MS = 12 * 60_000

/** @param trace told of every event */
export async function simulate(seed: number, trace?: (line: string) => void): Promise<Result> {
  const world = new World(new Odds(seed), trace)
  const onRejection = (reason: unknown): void =>
    world.complain(`nobody awaits ${reason instanceof Error ? reason.stack : String(reason)}`)
  process.on('unhandledRejection', onRejection)
  // Stacks tell of the machine, and take their time.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    await new Schedule(world).run()
  } catch (error) {
    world.complain(`the schedule failed: ${error instanceof Error ? error.stack : String(error)}`)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
    process.off('unhandledRejection', onRejection)
  }
  const { complaints, scheduler } = world
  return { seed, complaints, events: scheduler.events, virtualMs: scheduler.now }
}

class Schedule {
  readonly #world: World
  readonly #actors: Actor[] = []
  readonly #names: Names[] = []

  constructor(world: World) {
    this.#world = world
  }

  async run(): Promise<void> {
    const world = this.#world
    const { scheduler, network, odds } = world
    for (const machine of world.machines) world.start(machine)
    await scheduler.pass(odds.of([0, 100, 500]))
    this.#cast()
    await this.#prepare()
    for (const actor of this.#actors) actor.start()
    const troubleMs = TROUBLE_MS * world.pace
    planFaults(world, odds.of([0, 1, 2, 4, 8]), troubleMs)
    await scheduler.pass(troubleMs)
    network.heal()
    for (const { process } of world.clients) process.thaw()
    for (const machine of world.machines) {
      machine.running?.process.thaw()
      if (!machine.running) world.start(machine)
    }
    scheduler.note('world', () => 'all is well from now on')
    await scheduler.drive(() => this.#actors.every(({ isOver }) => isOver), scheduler.now + ENDING_MS)
    if (!(await scheduler.drive(() => world.machines.every(({ running }) => running?.stop), scheduler.now + ENDING_MS)))
      world.complain('not all servers have started')
    for (const { isOver, name, doing } of this.#actors) if (!isOver) world.complain(`${name} has not ended: ${doing}`)
    if (world.complaints.length === 0) await this.#end()
  }

  /** Who takes part. */
  #cast(): void {
    const world = this.#world
    const { odds } = world
    const clients = Array.from({ length: 2 + odds.below(3) }, (_, index) => world.connect(`client${index}`))
    const add = (actor: Actor): void => void this.#actors.push(actor)
    const client = (): (typeof clients)[number] => odds.of(clients)
    if (odds.oneIn(2)) {
      const names = new Names('/names')
      this.#names.push(names)
      for (let left = 2 + odds.below(2); left > 0; left--)
        add(new NameUser(`namer${left}`, world, client(), names, 3 + odds.below(5)))
    }
    for (let left = odds.below(3); left > 0; left--)
      add(new Files(`files${left}`, world, client(), 'directory', 4 + odds.below(12)))
    if (odds.oneIn(2)) add(new Files('table', world, client(), 'table', 4 + odds.below(12)))
    if (odds.oneIn(2)) {
      const parts = new BagParts('/bag')
      for (let left = 1 + odds.below(3); left > 0; left--)
        add(new BagUser(`bagger${left}`, world, client(), parts, 2 + odds.below(6)))
    }
    if (odds.oneIn(2)) {
      const values = new SharedValues('/shared')
      for (let left = 2 + odds.below(2); left > 0; left--)
        add(new SharedFileUser(`sharer${left}`, world, client(), values, 3 + odds.below(8)))
    }
    if (odds.oneIn(2)) add(new Lessee('lessee', world, client(), 3 + odds.below(8)))
    if (world.shape.slots > 0) {
      for (let left = odds.below(3); left > 0; left--) add(new ActionUser(`action${left}`, world, client(), 3 + odds.below(10)))
    }
    if (odds.oneIn(2)) add(new Operator('operator', world, client(), 3))
  }

  async #prepare(): Promise<void> {
    const { store } = this.#world.connect('preparer')
    for (const { base } of this.#names) await this.#until(`create ${base}`, () => store.create(base, 'directory'))
    await this.#until('close the preparer', () => store.close())
  }

  async #end(): Promise<void> {
    const world = this.#world
    const { scheduler, clients, machines } = world
    const { store } = world.connect('verifier')
    for (const actor of this.#actors) await this.#until(`verify ${actor.name}`, () => actor.verify(store))
    for (const names of this.#names) {
      const wrong = names.judge()
      if (wrong && !world.hasForgotten) world.complain(wrong)
    }
    for (const { process, store: own } of clients) {
      if (process.state === 'dead' || own === store) continue
      await this.#until(`close ${process.name}`, () => own.close())
      // What was waiting to try again learns of it when it does.
      await scheduler.pass(260)
      if (process.timers.length > 0)
        world.complain(`${process.name} has timers left after its close: ${process.timers.join(', ')}`)
    }
    await scheduler.pass(this.#settlingMs())
    for (const actor of this.#actors)
      if (actor instanceof Lessee) await this.#until(`verify the end of ${actor.name}`, () => actor.verifyGone(store))
    await this.#until('check', async () => {
      const wrong = wrongIn(await checkUntilAsked(store))
      if (wrong) world.complain(`fsck found ${wrong}`)
    })
    await this.#until('delete all', async () => {
      for await (const { path } of store.list('/')) await store.delete(path, { recursive: true })
    })
    await scheduler.pass(500)
    await this.#until('check that nothing is left', async () => {
      const usage = await store.usage()
      if (usage.nodes + usage.storedBytes + usage.blocks + usage.slots > 0)
        world.complain(`in use after all: ${JSON.stringify(usage)}`)
      const report = await checkUntilAsked(store)
      if (!report.clean) world.complain(`fsck found ${JSON.stringify(report.findings)}`)
    })
    await this.#until('close the verifier', () => store.close())
    const forgets = world.odds.oneIn(150)
    await scheduler.pass(forgets ? FORGETTING_MS : 500)
    for (const kind of ['node', 'part', 'claim', 'lease', ...(forgets ? (['answers'] as const) : [])] as const) {
      const left = world.disk.count(kind)
      if (left > 0) world.complain(`the journal has ${left} records of the kind ${kind} left`)
    }
    for (const machine of [...machines].reverse()) {
      const running = machine.running?.process
      await this.#until(`stop ${machine.name}`, () => world.stop(machine))
      await scheduler.pass(1_100)
      if (running && running.timers.length > 0)
        world.complain(`${running.name} has timers left after its stop: ${running.timers.join(', ')}`)
    }
    if (world.network.links.size > 0) world.complain(`${world.network.links.size} links are left`)
  }

  /** Until nothing is left of those who have gone. */
  #settlingMs(): number {
    const { clients, hasRestarted } = this.#world
    const gone = clients.filter(({ process }) => process.state === 'dead')
    return Math.max(
      1_000,
      this.#actors.some(actor => actor instanceof Lessee) ? EXPIRY_MS : 0,
      gone.some(({ process }) => process.isSilent) ? SILENCE_MS : 0,
      gone.length > 0 && hasRestarted ? RETURN_MS : 0,
    )
  }

  /** Does something that has to come to a good end. */
  async #until(what: string, run: () => Promise<unknown>): Promise<void> {
    const { scheduler } = this.#world
    let over = false
    scheduler.note('world', () => what)
    const running = outcomeOf(run).then(
      outcome => {
        over = true
        if (outcome.code) this.#world.complain(`${what}: ${outcome.code} ${outcome.message}`)
      },
      (error: unknown) => {
        over = true
        this.#world.complain(`${what}: ${error instanceof Error ? error.stack : String(error)}`)
      },
    )
    if (await scheduler.drive(() => over, scheduler.now + ENDING_MS)) await running
    else this.#world.complain(`it does not come to an end: ${what}`)
  }
}
