/** What goes wrong, when, and what may be lost by it. */
import type { Odds } from './odds.ts'
import type { Machine, World } from './world.ts'

type Fault = (world: World, odds: Odds) => void

/** Plans so many faults within a time. */
export function planFaults(world: World, count: number, withinMs: number): void {
  const odds = world.odds.fork()
  const { scheduler, network } = world
  for (let left = count; left > 0; left--) {
    const fault = odds.weighed(faults)
    const own = odds.fork()
    scheduler.plan(network.wire, odds.between(0, withinMs), 'something goes wrong', () => fault(world, own))
  }
}

const faults: readonly (readonly [number, Fault])[] = [
  [5, cutLink],
  [3, holdLink],
  [6, loseAnswer],
  [3, partition],
  [4, restartMetadata],
  [3, restartStorage],
  [3, freeze],
  [2, hurtActive],
  [1, killClient],
]

function cutLink(world: World, odds: Odds): void {
  const links = [...world.network.links]
  if (links.length === 0) return
  const link = odds.of(links)
  world.scheduler.note('fault', () => `link ${link.number} is cut`)
  world.wentWrong(0)
  link.cut()
}

function holdLink(world: World, odds: Odds): void {
  const links = [...world.network.links]
  if (links.length === 0) return
  const link = odds.of(links)
  const forMs = away(world, odds, 1_000, 12_000)
  world.scheduler.note('fault', () => `link ${link.number} stands still for ${forMs.toFixed()} ms`)
  world.wentWrong(forMs)
  world.mayGiveUp(
    link.ends.map(({ process }) => process.host),
    forMs,
  )
  link.hold(world.scheduler.now + forMs)
}

/** The next thing that the metadata server says to somebody does not arrive. */
function loseAnswer(world: World, odds: Odds): void {
  const ends = [...world.network.links].map(({ ends }) => ends[1]).filter(({ process }) => process.host === 'meta')
  if (ends.length === 0) return
  world.wentWrong(0)
  for (const end of ends) if (odds.oneIn(2)) end.losesNext = true
}

function partition(world: World, odds: Odds): void {
  const hosts = [...world.machines.map(({ host }) => host), ...world.clients.map(({ process }) => process.host)]
  const one = odds.oneIn(2) ? 'meta' : odds.of(hosts)
  const other = odds.of(hosts)
  if (one === other) return
  const forMs = away(world, odds, 2_000, 12_000)
  world.scheduler.note('fault', () => `${one} and ${other} do not reach each other for ${forMs.toFixed()} ms`)
  world.wentWrong(forMs)
  world.mayGiveUp([one, other], forMs)
  world.network.partition(one, other, forMs)
}

function restartMetadata(world: World, odds: Odds): void {
  const { metadata, scheduler } = world
  const { running } = metadata
  if (!running?.stop) return
  world.hasRestarted = true
  if (!world.shape.journal) world.hasForgotten = true
  const awayMs = away(world, odds, 500, 6_000)
  world.wentWrong(awayMs)
  if (odds.oneIn(4)) {
    metadata.running = undefined
    scheduler.note('fault', () => 'the metadata server stops in order')
    running.stop().then(
      () => restartAfter(world, metadata, awayMs),
      (error: unknown) => world.complain(`the metadata server does not stop: ${String(error)}`),
    )
    return
  }
  world.kill(metadata, odds.oneIn(4))
  restartAfter(world, metadata, awayMs)
}

function restartStorage(world: World, odds: Odds): void {
  const machine = odds.of(world.storage)
  if (!machine.running?.stop) return
  world.wentWrong(0)
  world.mayLoseData = true
  world.kill(machine, odds.oneIn(3))
  restartAfter(world, machine, away(world, odds, 500, 8_000))
}

function freeze(world: World, odds: Odds): void {
  const processes = [
    ...world.machines.flatMap(({ running }) => (running?.stop ? [running.process] : [])),
    ...world.clients.map(({ process }) => process),
  ]
  const process = odds.of(processes)
  const forMs = away(world, odds, 1_000, 9_000)
  world.wentWrong(forMs)
  // Time in which the metadata server itself stands still is nobody's silence.
  if (process.host !== 'meta') world.mayGiveUp(['meta', process.host], forMs)
  process.freeze()
  world.scheduler.plan(world.network.wire, forMs, 'a process may go on', () => process.thaw())
}

function hurtActive(world: World, odds: Odds): void {
  const { active } = world
  if (!active?.running?.active) return
  world.wentWrong(0)
  world.mayLoseObjects = true
  if (odds.oneIn(2)) {
    world.scheduler.note('fault', () => 'the active server loses its thread')
    active.running.active.loseThread()
    return
  }
  world.kill(active, odds.oneIn(3))
  restartAfter(world, active, away(world, odds, 500, 8_000))
}

function killClient(world: World, odds: Odds): void {
  odds.of(world.clients).process.kill(odds.oneIn(10))
}

/** How long something is away. */
function away({ pace }: World, odds: Odds, usualMs: number, mostMs: number): number {
  return odds.rarelyLong(usualMs, mostMs) * pace
}

function restartAfter(world: World, machine: Machine, ms: number): void {
  world.scheduler.plan(world.network.wire, ms, `${machine.name} may return`, () => {
    if (!machine.running) world.start(machine)
  })
}
