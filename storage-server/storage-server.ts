import { Registry } from 'prom-client'
import { connectionContext } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import { HandlerTable } from '../protocol/handlers.ts'
import { Chassis } from '../server/chassis.ts'
import { Membership } from '../server/membership.ts'
import { counter, gauge } from '../server/metrics.ts'
import type { RunningServer } from '../server/process.ts'
import type { System } from '../server/system.ts'
import { type BlockCounters, bindBlocks } from './block-handlers.ts'
import { DramBlocks } from './dram-blocks.ts'

export interface StorageServerConfig {
  readonly host: string
  readonly port: number
  readonly advertise?: string
  /** host:port of the metadata server. */
  readonly metadata: string
  /** Memory for blocks. */
  readonly capacityBytes: number
  readonly storageClass: string
}

/** Starts a storage server; resolves once it is registered and its blocks can be used. */
export async function startStorageServer(
  config: StorageServerConfig,
  { clock, randomness, log }: System,
): Promise<RunningServer> {
  const incarnation = randomness.id()
  const proofKey = randomness.bytes(32)
  const context = connectionContext(clock)
  const handlers = new HandlerTable()
  const counters: BlockCounters = { reads: 0, writes: 0, bytesIn: 0, bytesOut: 0 }
  let blocks: DramBlocks | undefined
  bindBlocks(
    handlers,
    () => {
      if (!blocks) throw new GliderError('UNAVAILABLE', 'this storage server is not registered yet: try again')
      return blocks
    },
    counters,
  )

  const membership = new Membership({
    metadataAddress: config.metadata,
    context,
    handlers,
    log,
    offer: () => ({
      role: 'storage',
      incarnation,
      address: chassis.address,
      storageClass: config.storageClass,
      capacity: config.capacityBytes,
      proofKey: proofKey.toString('base64url'),
    }),
    registered: ({ blockBytes, known }) => {
      if (!known) blocks?.freeAll()
      if (blocks?.blockBytes !== blockBytes)
        blocks = new DramBlocks({ capacityBytes: config.capacityBytes, blockBytes, incarnation, proofKey })
    },
  })
  const chassis = await Chassis.start({
    role: 'storage',
    id: incarnation,
    host: config.host,
    port: config.port,
    advertise: config.advertise,
    context,
    handlers,
    metrics: metricsOf(() => blocks, counters),
    log,
    notReady: () => (membership.isMember ? [] : [`not registered with the metadata server at ${config.metadata}`]),
  })
  const stop = async (): Promise<void> => {
    membership.stop()
    await chassis.stop()
  }
  try {
    await membership.join()
  } catch (error) {
    await stop()
    throw error
  }
  return { address: chassis.address, stop }
}

function metricsOf(blocks: () => DramBlocks | undefined, counters: BlockCounters): Registry {
  const metrics = new Registry()
  gauge(metrics, 'glider_blocks', 'Blocks of this server.', () => blocks()?.count ?? 0)
  gauge(metrics, 'glider_blocks_held', 'Blocks that hold bytes.', () => blocks()?.held ?? 0)
  counter(metrics, 'glider_block_reads_total', 'Reads of blocks.', () => counters.reads)
  counter(metrics, 'glider_block_writes_total', 'Writes of blocks.', () => counters.writes)
  counter(metrics, 'glider_block_bytes_in_total', 'Bytes written into blocks.', () => counters.bytesIn)
  counter(metrics, 'glider_block_bytes_out_total', 'Bytes read from blocks.', () => counters.bytesOut)
  return metrics
}
