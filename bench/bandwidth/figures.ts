/** Every figure of `bench bandwidth`, in the order of the table: its unit, and what it is held against. */

/** A share of other figures of the same run, of the highest where there are several. */
export interface Target {
  readonly of: readonly string[]
  readonly least: number
}

export interface FigureKind {
  readonly section: Section
  readonly unit: 'MB/s' | 'op/s' | 'MiB' | '%'
  readonly targets?: readonly Target[]
  /** Of a figure that is to be small. */
  readonly most?: number
  /** What is said where there is no such figure. @default 'not measured' */
  readonly absent?: string
}

/** What is measured together, in this order, and its title. */
export const sections = {
  large: '1 MiB operations, 8 in flight',
  medium: '64 KiB operations, 16 in flight',
  small: '1 KiB operations, 64 in flight',
  latency: '1 KiB operations, one in flight',
  websocket: '1 MiB operations over WebSocket, 8 in flight',
  fresh: '1 MiB operations, memory just taken',
  memory: 'growth of resident memory',
  idle: 'of a core, with nothing to do',
} as const

export type Section = keyof typeof sections

const notInstalled = 'not installed'

const atLeast = (least: number, ...of: string[]): Target => ({ of, least })

export const figureKinds = {
  socketWrite: { section: 'large', unit: 'MB/s' },
  fileWrite: {
    section: 'large',
    unit: 'MB/s',
    targets: [atLeast(0.85, 'socketWrite'), atLeast(1.2, 'redisBenchmarkSet'), atLeast(1.7, 'ioredisSet', 'nodeRedisSet')],
  },
  actionWrite: { section: 'large', unit: 'MB/s', targets: [atLeast(0.95, 'fileWrite')] },
  redisBenchmarkSet: { section: 'large', unit: 'MB/s', absent: notInstalled },
  ioredisSet: { section: 'large', unit: 'MB/s', absent: notInstalled },
  nodeRedisSet: { section: 'large', unit: 'MB/s', absent: notInstalled },
  socketRead: { section: 'large', unit: 'MB/s' },
  fileRead: {
    section: 'large',
    unit: 'MB/s',
    targets: [atLeast(0.85, 'socketRead'), atLeast(1.05, 'redisBenchmarkGet'), atLeast(1.7, 'ioredisGet', 'nodeRedisGet')],
  },
  actionRead: { section: 'large', unit: 'MB/s', targets: [atLeast(0.95, 'fileRead')] },
  redisBenchmarkGet: { section: 'large', unit: 'MB/s', absent: notInstalled },
  ioredisGet: { section: 'large', unit: 'MB/s', absent: notInstalled },
  nodeRedisGet: { section: 'large', unit: 'MB/s', absent: notInstalled },

  socketWrite64KiB: { section: 'medium', unit: 'MB/s' },
  fileWrite64KiB: { section: 'medium', unit: 'MB/s', targets: [atLeast(0.75, 'socketWrite64KiB')] },
  socketRead64KiB: { section: 'medium', unit: 'MB/s' },
  fileRead64KiB: { section: 'medium', unit: 'MB/s', targets: [atLeast(0.75, 'socketRead64KiB')] },

  socketWrite1KiB: { section: 'small', unit: 'MB/s' },
  blockWrite1KiB: { section: 'small', unit: 'MB/s', targets: [atLeast(0.6, 'socketWrite1KiB'), atLeast(2, 'ioredisSet1KiB')] },
  ioredisSet1KiB: { section: 'small', unit: 'MB/s', absent: notInstalled },
  socketRead1KiB: { section: 'small', unit: 'MB/s' },
  blockRead1KiB: { section: 'small', unit: 'MB/s', targets: [atLeast(0.6, 'socketRead1KiB'), atLeast(2, 'ioredisGet1KiB')] },
  ioredisGet1KiB: { section: 'small', unit: 'MB/s', absent: notInstalled },

  redisLatencySet1KiB: { section: 'latency', unit: 'op/s', absent: notInstalled },
  pairLatencyWrite1KiB: { section: 'latency', unit: 'op/s' },
  latencyWrite1KiB: { section: 'latency', unit: 'op/s', targets: [atLeast(2.3, 'redisLatencySet1KiB')] },
  pairLatencySpinWrite1KiB: { section: 'latency', unit: 'op/s' },
  latencySpinWrite1KiB: { section: 'latency', unit: 'op/s', targets: [atLeast(4, 'redisLatencySet1KiB')] },
  redisLatencyGet1KiB: { section: 'latency', unit: 'op/s', absent: notInstalled },
  pairLatencyRead1KiB: { section: 'latency', unit: 'op/s' },
  latencyRead1KiB: { section: 'latency', unit: 'op/s', targets: [atLeast(2.3, 'redisLatencyGet1KiB')] },
  pairLatencySpinRead1KiB: { section: 'latency', unit: 'op/s' },
  latencySpinRead1KiB: { section: 'latency', unit: 'op/s', targets: [atLeast(4, 'redisLatencyGet1KiB')] },

  ws: { section: 'websocket', unit: 'MB/s' },
  wsPairWrite: { section: 'websocket', unit: 'MB/s' },
  wsWrite: { section: 'websocket', unit: 'MB/s', targets: [atLeast(0.8, 'wsPairWrite')] },
  wsPairRead: { section: 'websocket', unit: 'MB/s' },
  wsRead: { section: 'websocket', unit: 'MB/s', targets: [atLeast(0.8, 'wsPairRead')] },

  laterPassWrite: { section: 'fresh', unit: 'MB/s' },
  firstPassWrite: { section: 'fresh', unit: 'MB/s', targets: [atLeast(0.9, 'laterPassWrite')] },

  serverGrowth: { section: 'memory', unit: 'MiB', most: 64 },
  clientWriteGrowth: { section: 'memory', unit: 'MiB', most: 96 },
  clientReadGrowth: { section: 'memory', unit: 'MiB', most: 96 },

  idleClient: { section: 'idle', unit: '%', most: 1 },
  idleStorage: { section: 'idle', unit: '%', most: 1 },
  idleSpinStorage: { section: 'idle', unit: '%' },
  idleActive: { section: 'idle', unit: '%', most: 1 },
  idleMetadata: { section: 'idle', unit: '%', most: 1 },
} as const satisfies Record<string, FigureKind>

export type FigureName = keyof typeof figureKinds
