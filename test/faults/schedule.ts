/** What goes wrong when: made of a seed before anything has begun, so that the same seed does the same to the cluster. */
import { Chance } from '../fuzz/chance.ts'

/** Of a cluster under test: a place that one process after another takes. */
export const storageSeats = ['dram-1', 'dram-2', 'disk-1', 'disk-2'] as const
export const activeSeats = ['active-1', 'active-2'] as const
export const clientSeats = ['client-1', 'client-2', 'client-3'] as const
export type ServerSeat = 'metadata' | (typeof storageSeats)[number] | (typeof activeSeats)[number]
export type ClientSeat = (typeof clientSeats)[number]

/**
 * - kill: SIGKILL, and a new process after a while.
 * - stop: SIGSTOP, and SIGCONT after a while.
 * - restart: SIGTERM, and a new process at once.
 * - cut: every connection ends; new ones are refused for a while.
 * - delay: what passes takes longer for a while.
 * - silence: nothing passes for a while, and everything after it.
 * - fill: all room of a storage class is taken for a while.
 * - death: SIGKILL of a client in mid-stream, and a new one in its place.
 */
export type Fault = { readonly atMs: number; readonly forMs: number } & (
  | { readonly kind: 'kill' | 'stop' | 'restart'; readonly seat: ServerSeat }
  | { readonly kind: 'cut' | 'delay' | 'silence'; readonly seat: ServerSeat; readonly side: Side; readonly delayMs?: number }
  | { readonly kind: 'fill'; readonly storageClass: 'dram' | 'disk' }
  | { readonly kind: 'death'; readonly seat: ClientSeat }
)

/** Of a server: the connections that come to it, or its own to the metadata server. */
export type Side = 'front' | 'link'
type Role = 'metadata' | 'storage' | 'active'

/** Everything that can happen: each comes once before any comes again. */
const plans: readonly ((chance: Chance, atMs: number) => Fault)[] = [
  ...(['metadata', 'storage', 'active'] as const).flatMap(role => [
    plan('kill', role, 200, 2_500),
    plan('stop', role, 500, role === 'metadata' ? 4_000 : 9_000),
    plan('restart', role, 0, 1),
    onTheWay('cut', 'front', role, 0, 1_500),
    onTheWay('delay', 'front', role, 1_000, 4_000),
    onTheWay('silence', 'front', role, 500, 3_000),
  ]),
  ...(['storage', 'active'] as const).flatMap(role => [
    onTheWay('cut', 'link', role, 0, 8_000),
    onTheWay('silence', 'link', role, 500, 8_000),
  ]),
  ...(['dram', 'disk'] as const).map(
    storageClass =>
      (chance: Chance, atMs: number): Fault => ({
        kind: 'fill',
        storageClass,
        atMs,
        forMs: between(chance, 1_000, 3_000),
      }),
  ),
  ...[1, 2].map(
    () =>
      (chance: Chance, atMs: number): Fault => ({ kind: 'death', seat: chance.of(clientSeats), atMs, forMs: 0 }),
  ),
]

/** Between two faults; most last for longer than that, so that several are there at the same time. */
const LEAST_GAP_MS = 600
const MOST_GAP_MS = 4_400

export function scheduleOf(seed: number, durationMs: number): Fault[] {
  const chance = new Chance(seed)
  const faults: Fault[] = []
  let left: (typeof plans)[number][] = []
  for (let atMs = 0; atMs < durationMs; atMs += between(chance, LEAST_GAP_MS, MOST_GAP_MS)) {
    if (left.length === 0) left = [...plans]
    const [next] = left.splice(chance.below(left.length), 1)
    faults.push(next!(chance, atMs))
  }
  return faults
}

export function describeFault(fault: Fault): string {
  const at = `${(fault.atMs / 1_000).toFixed(1).padStart(7)} s  ${fault.kind}`
  const long = `for ${fault.forMs} ms`
  switch (fault.kind) {
    case 'kill':
    case 'stop':
      return `${at} ${fault.seat} ${long}`
    case 'restart':
    case 'death':
      return `${at} ${fault.seat}`
    case 'fill':
      return `${at} ${fault.storageClass} ${long}`
    case 'delay':
      return `${at} ${fault.seat} by ${fault.delayMs} ms ${long}`
    case 'cut':
    case 'silence':
      return `${at} ${fault.side === 'front' ? fault.seat : `the link of ${fault.seat}`} ${long}`
  }
}

/** What is counted. */
export function kindOf(fault: Fault): string {
  switch (fault.kind) {
    case 'fill':
      return `fill ${fault.storageClass}`
    case 'death':
      return 'death of a client'
    case 'cut':
    case 'delay':
    case 'silence':
      return `${fault.kind} ${fault.side === 'link' ? 'link of ' : ''}${roleOf(fault.seat)}`
    default:
      return `${fault.kind} ${roleOf(fault.seat)}`
  }
}

export function roleOf(seat: ServerSeat): Role {
  if (seat === 'metadata') return seat
  return (activeSeats as readonly string[]).includes(seat) ? 'active' : 'storage'
}

function plan(kind: 'kill' | 'stop' | 'restart', role: Role, least: number, most: number) {
  return (chance: Chance, atMs: number): Fault => ({
    kind,
    seat: seatOf(role, chance),
    atMs,
    forMs: between(chance, least, most),
  })
}

function onTheWay(kind: 'cut' | 'delay' | 'silence', side: Side, role: Role, least: number, most: number) {
  return (chance: Chance, atMs: number): Fault => ({
    kind,
    side,
    seat: seatOf(role, chance),
    atMs,
    forMs: between(chance, least, most),
    ...(kind === 'delay' && { delayMs: between(chance, 20, 400) }),
  })
}

function seatOf(role: Role, chance: Chance): ServerSeat {
  if (role === 'metadata') return role
  return chance.of<ServerSeat>(role === 'storage' ? storageSeats : activeSeats)
}

function between(chance: Chance, least: number, most: number): number {
  return least + chance.below(most - least)
}
