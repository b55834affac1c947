import path from 'node:path'
import { systemClock } from '../../protocol/clock.system.ts'
import type { Child } from './child.ts'
import { ClientPlace } from './client-place.ts'
import { FaultCluster } from './cluster.ts'
import { Driver } from './driver.ts'
import type { Grown } from './holdings.ts'
import { checkTree, emptyTree, Holdings } from './judge.ts'
import { SHARED_TABLE } from './lanes/shared.ts'
import type { Counts, Gone } from './messages.ts'
import { Roster } from './roster.ts'
import { type ClientSeat, clientSeats, scheduleOf } from './schedule.ts'
import { until } from './waiting.ts'
import { stretch } from './warm-up.ts'

/** Enough for everything to have been done before anything is measured. */
const WARM_OPERATIONS = 2_000
const WARM_MOST_MS = 90_000
/** The first are enough to see what is wrong. */
const MOST_BROKEN = 20
const root = path.join(import.meta.dirname, '..', '..', '..')

export interface FaultRun {
  readonly seed: number
  readonly durationMs: number
  /** Empty. */
  readonly folder: string
  readonly say: (line: string) => void
}

export interface FaultReport {
  readonly seed: number
  readonly seconds: number
  /** Rules that did not hold. */
  readonly broken: readonly string[]
  readonly operations: number
  readonly faults: Readonly<Record<string, number>>
  /** By kind of operation, and by code of error or `ok`. */
  readonly counts: Counts
  /** By code. */
  readonly errors: Readonly<Record<string, number>>
  /** Acknowledged things that were read again at the end. */
  readonly verified: number
  /** By process. */
  readonly resident: Readonly<Record<string, Grown>>
}

/** Runs a cluster and its clients under the faults of a seed, and judges what has become of everything. */
export async function runFaults(run: FaultRun): Promise<FaultReport> {
  const places: ClientPlace[] = []
  try {
    return await runWith(places, run)
  } finally {
    for (const place of places) await place[Symbol.asyncDispose]()
  }
}

/** @param places to be filled with the clients, which are somebody else's to end */
async function runWith(places: ClientPlace[], { seed, durationMs, folder, say: print }: FaultRun): Promise<FaultReport> {
  const begunMs = systemClock.now()
  const say = (line: string): void => print(`${((systemClock.now() - begunMs) / 1_000).toFixed(1).padStart(6)}  ${line}`)
  const broken: string[] = []
  const isBroken = (what: string): void => {
    say(`BROKEN ${what}`)
    if (broken.length < MOST_BROKEN) broken.push(what)
  }
  const attempt = (work: Promise<void>): Promise<void> => work.catch((error: unknown) => isBroken((error as Error).message))
  const counts: Record<string, Record<string, number>> = {}

  await using cluster = await FaultCluster.start(folder, isBroken)
  const { store } = cluster
  const roster = new Roster(cluster, systemClock)
  for (const seat of cluster.members.keys()) await roster.joined(seat)
  await store.deploy(path.join(root, 'test', 'fixtures', 'faults.ts'))
  const listener = {
    broken: isBroken,
    counted: (more: Counts) => add(counts, more),
    gone: ({ server, calm, message }: Gone) => {
      const wrong = roster.judge(server, calm)
      if (wrong) isBroken(`${wrong}, and an operation ended with: ${message}`)
    },
  }
  for (const seat of clientSeats) places.push(new ClientPlace(seat, cluster.address, listener))
  await Promise.all(places.map(place => place.load()))
  const everyone = (): [string, Child][] => [...cluster.members.values(), ...places].map(({ seat, child }) => [seat, child])
  const begin = async (calm: boolean): Promise<void> => {
    await store.create(SHARED_TABLE, 'table')
    for (const [at, place] of places.entries()) place.begin(seed + 1_000 * at, calm)
  }

  say('warming up')
  await begin(true)
  await stretch(cluster.way.address)
  await until('the clients have begun', systemClock, WARM_MOST_MS, async () => totals(counts).operations >= WARM_OPERATIONS)
  await Promise.all(places.map(place => place.ask('pause', 'idle')))
  await Promise.all(places.map(place => place.ask('close', 'closed')))
  await attempt(emptyTree(store, systemClock))
  const holdings = new Holdings(systemClock)
  await holdings.begin(everyone())

  say('everything goes wrong')
  await begin(false)
  const clients = new Map<ClientSeat, ClientPlace>(places.map(place => [place.seat, place]))
  const driver = new Driver({ cluster, clients, roster, clock: systemClock, seed, broken: isBroken, say })
  await driver.run(scheduleOf(seed, durationMs), durationMs)

  say('every server is back')
  await Promise.all(places.map(place => place.ask('pause', 'idle')))
  for (const seat of cluster.members.keys()) await attempt(roster.back(seat))
  const answers = await Promise.all(places.map(place => place.ask('verify', 'verified')))
  const verified = answers.reduce((sum, answer) => sum + ('verified' in answer ? answer.verified : 0), 0)
  const check = async (judge: (server: string) => string | undefined): Promise<void> => {
    for (const wrong of await checkTree(store, systemClock, judge)) isBroken(wrong)
  }
  await attempt(check(server => roster.judge(server, true)))
  await Promise.all(places.map(place => place.ask('close', 'closed')))
  say('everything was read: deleting it')
  await attempt(emptyTree(store, systemClock))
  await attempt(check(() => 'everything was deleted'))
  if (everyone().some(([, { over }]) => over)) throw new Error(`not every process is there any more: ${broken.join('; ')}`)
  const { grown, wrong } = await holdings.compare(everyone())
  for (const one of wrong) isBroken(one)
  say('done')
  return { seed, seconds: durationMs / 1_000, broken, faults: driver.done, counts, verified, resident: grown, ...totals(counts) }
}

function totals(counts: Counts): { operations: number; errors: Record<string, number> } {
  const errors: Record<string, number> = {}
  let operations = 0
  for (const codes of Object.values(counts)) {
    for (const [code, count] of Object.entries(codes)) {
      operations += count
      if (code !== 'ok') errors[code] = (errors[code] ?? 0) + count
    }
  }
  return { operations, errors }
}

function add(counts: Record<string, Record<string, number>>, more: Counts): void {
  for (const [kind, codes] of Object.entries(more)) {
    const known = counts[kind] ?? {}
    counts[kind] = known
    for (const [code, count] of Object.entries(codes)) known[code] = (known[code] ?? 0) + count
  }
}
