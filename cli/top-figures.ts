import type { ObjectActivity, ServerInfo } from '../client/index.ts'
import type { Samples } from './metrics.system.ts'

/** What was seen at one moment. */
export interface Sight {
  readonly atMs: number
  readonly servers: readonly ServerInfo[]
  /** By address; the metadata server's as well. */
  readonly samples: ReadonlyMap<string, Samples>
  readonly objects: readonly ObjectActivity[]
}

export interface ServerFigures {
  readonly id: string
  readonly role: string
  readonly address: string
  readonly state: string
  /** From 0 to 1; absent of the metadata server. */
  readonly use?: number
  /** Absent where the server does not answer. */
  readonly streams?: number
  readonly operationsPerSecond?: number
  readonly receivedPerSecond?: number
  readonly sentPerSecond?: number
  readonly stallsPerSecond?: number
}

export interface ClassFigures {
  readonly class: string
  readonly servers: number
  readonly capacity: number
  readonly used: number
  readonly free: number
}

export interface ActionFigures {
  readonly path: string
  readonly server: string
  readonly streams: number
  readonly turns: number
  readonly turnsPerSecond: number
}

export interface Figures {
  readonly servers: readonly ServerFigures[]
  readonly classes: readonly ClassFigures[]
  readonly actions: readonly ActionFigures[]
}

/** What has happened between two sights of a cluster. */
export function figuresOf(before: Sight, now: Sight, metadata: string, most: number): Figures {
  const seconds = Math.max(now.atMs - before.atMs, 1) / 1e3
  const told = (address: string): Partial<ServerFigures> => {
    const [then, samples] = [before.samples.get(address), now.samples.get(address)]
    if (!samples) return {}
    const rate = (family: string): number => Math.max(sum(samples, family) - sum(then ?? samples, family), 0) / seconds
    return {
      streams: sum(samples, 'glider_streams'),
      operationsPerSecond: rate('glider_operations_total'),
      receivedPerSecond: rate('glider_operation_received_bytes_total'),
      sentPerSecond: rate('glider_operation_sent_bytes_total'),
      stallsPerSecond: rate('glider_stream_credit_stalls_total'),
    }
  }
  const own = now.samples.has(metadata) ? 'live' : 'silent'
  const servers: ServerFigures[] = [{ id: 'metadata', role: 'metadata', address: metadata, state: own, ...told(metadata) }]
  for (const { id, role, address, state, used, capacity } of now.servers)
    servers.push({ id, role, address, state, use: capacity === 0 ? 0 : used / capacity, ...told(address) })
  return { servers, classes: classesOf(now.servers), actions: actionsOf(before, now, seconds).slice(0, most) }
}

function classesOf(servers: readonly ServerInfo[]): ClassFigures[] {
  const classes = new Map<string, ClassFigures>()
  for (const { storageClass, state, capacity, used, free } of servers) {
    if (state === 'dead') continue
    const so = classes.get(storageClass) ?? { class: storageClass, servers: 0, capacity: 0, used: 0, free: 0 }
    classes.set(storageClass, {
      class: storageClass,
      servers: so.servers + 1,
      capacity: so.capacity + capacity,
      used: so.used + used,
      free: so.free + free,
    })
  }
  return [...classes.values()]
}

function actionsOf(before: Sight, now: Sight, seconds: number): ActionFigures[] {
  const turnsBefore = new Map(before.objects.map(({ server, path, turns }) => [`${server} ${path}`, turns]))
  const actions = now.objects.map(object => {
    const { server, path, turns } = object
    // One that was made anew begins with none.
    const done = turns - (turnsBefore.get(`${server} ${path}`) ?? 0)
    return { ...object, turnsPerSecond: (done < 0 ? turns : done) / seconds }
  })
  return actions.sort((a, b) => b.turnsPerSecond - a.turnsPerSecond || b.streams - a.streams || b.turns - a.turns)
}

/** Over all labels of a family. */
function sum(samples: Samples, family: string): number {
  let total = 0
  for (const [name, value] of samples) if (name === family || name.startsWith(`${family}{`)) total += value
  return total
}
