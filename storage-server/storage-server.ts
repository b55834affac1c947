import { Registry } from 'prom-client'
import { connectionContext } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Generation } from '../protocol/generation.ts'
import { HandlerTable } from '../protocol/handlers.ts'
import { counted } from '../server/drain.ts'
import { bindGrants } from '../server/grant-handlers.ts'
import { Grants } from '../server/grants.ts'
import { Membership } from '../server/membership.ts'
import { counter, gauge } from '../server/metrics.ts'
import type { Listener } from '../server/network.ts'
import type { RunningServer } from '../server/process.ts'
import { Quiet } from '../server/quiet.ts'
import type { System } from '../server/system.ts'
import { TrafficReports } from '../server/traffic.ts'
import { type BlockCounters, bindBlocks } from './block-handlers.ts'
import { Blocks } from './blocks.ts'
import type { StorageServerConfig } from './config.ts'
import { DataDirectory } from './data-directory.ts'
import { DiskStore } from './disk-store.ts'
import { DramStore } from './dram-store.ts'
import { Prefault } from './prefault.ts'

/**
 * Starts a storage server; resolves once it is registered and its blocks can be used.
 * @param dismissed told once the operator has taken the server out of the cluster and it has stopped by itself
 */
export async function startStorageServer(
  config: StorageServerConfig,
  { clock, randomness, log, network }: System,
  dismissed: (why: string) => void = () => {},
): Promise<RunningServer> {
  const { capacityBytes } = config
  const incarnation = randomness.id()
  const proofKey = randomness.bytes(32)
  const context = connectionContext(clock, { metered: true, spin: config.spin, limits: config.limits })
  const handlers = new HandlerTable()
  const grants = new Grants()
  bindGrants(handlers, grants)
  const counters: BlockCounters = { reads: 0, writes: 0, bytesIn: 0, bytesOut: 0 }
  const directory = config.kind === 'disk' ? await DataDirectory.open(config.dataDir, capacityBytes, incarnation) : undefined
  const openBlocks = (blockBytes: number): Blocks => {
    const shared = { capacityBytes, blockBytes, incarnation, proofKey, grants }
    if (directory) return new Blocks({ ...shared, store: new DiskStore(directory.files, blockBytes) })
    const store = new DramStore(blockBytes)
    const dram = new Blocks({ ...shared, store })
    prefault?.stop()
    prefault = new Prefault({
      clock,
      choice: config.kind === 'dram' ? config.prefault : 'off',
      store,
      pool: dram.pool,
      count: dram.count,
      blockBytes,
      operations: () => counters.reads + counters.writes,
    })
    return dram
  }

  let blocks: Blocks | undefined
  /** What was there when the server registered: blocks that are used before it is answered are given out by whom it registered with. */
  let offered: Generation | undefined
  let prefault: Prefault | undefined
  bindBlocks(
    handlers,
    () => {
      if (!blocks) throw new GliderError('UNAVAILABLE', 'this storage server is not registered yet: try again')
      return blocks
    },
    counters,
    grants,
  )

  const membership = new Membership({
    metadataAddress: config.metadata,
    context,
    dial: network.dial,
    handlers,
    secret: config.secret,
    tls: config.tls,
    randomness,
    log,
    traffic: new TrafficReports(() => grants.traffic()),
    offer: () => {
      offered = blocks?.newest
      return {
        role: 'storage',
        incarnation,
        address: chassis.address,
        storageClass: config.storageClass,
        capacity: capacityBytes,
        proofKey: proofKey.toString('base64url'),
      }
    },
    registered: ({ blockBytes, known }) => {
      const old = blocks
      if (!old) blocks = openBlocks(blockBytes)
      else if (old.blockBytes !== blockBytes) {
        blocks = undefined
        // What is under way may not end in the midst of blocks of another size.
        void old.store.idle().then(() => {
          blocks = openBlocks(blockBytes)
        })
      } else if (!known && offered) old.freeUpTo(offered)
    },
    dismissed: why => {
      stop().then(
        () => dismissed(why),
        (error: unknown) => log.error({ error }, 'could not stop in order'),
      )
    },
  })
  /** No block is given out here any more. Writers that have some go on, and so do readers: what is here is nowhere else. */
  const drain = (timeMs: number): Promise<void> => {
    let writers: number | undefined
    const reads = new Quiet(clock, () => counters.reads)
    return chassis.drain(timeMs, {
      refuse: () =>
        membership.leave(incarnation, count => {
          writers = count
        }),
      running: () =>
        writers === undefined ? 'writers: not known yet' : (counted({ writers }) ?? (reads.isQuiet ? undefined : 'readers')),
    })
  }
  const stop = async (): Promise<void> => {
    membership.stop()
    prefault?.stop()
    await chassis.stop()
    await blocks?.store.idle()
    await directory?.close()
  }
  let chassis: Listener
  try {
    chassis = await network.listen({
      role: 'storage',
      id: incarnation,
      host: config.host,
      port: config.port,
      advertise: config.advertise,
      tls: config.tls,
      secret: config.secret,
      context,
      handlers,
      metrics: metricsOf(() => blocks, counters),
      log,
      notReady: () => (membership.isMember ? [] : [`not registered with the metadata server at ${config.metadata}`]),
    })
  } catch (error) {
    await directory?.close()
    throw error
  }
  try {
    await membership.join()
  } catch (error) {
    await stop()
    throw error
  }
  return { address: chassis.address, drain, stop }
}

function metricsOf(blocks: () => Blocks | undefined, counters: BlockCounters): Registry {
  const metrics = new Registry()
  gauge(metrics, 'glider_blocks', 'Blocks of this server.', () => blocks()?.count ?? 0)
  gauge(metrics, 'glider_blocks_held', 'Blocks that hold bytes.', () => blocks()?.held ?? 0)
  gauge(metrics, 'glider_blocks_use_ratio', 'Blocks that hold bytes, of all blocks.', () => {
    const { held = 0, count = 0 } = blocks() ?? {}
    return count === 0 ? 0 : held / count
  })
  gauge(metrics, 'glider_blocks_free', 'Blocks that hold nothing.', () => {
    const { held = 0, count = 0 } = blocks() ?? {}
    return count - held
  })
  gauge(metrics, 'glider_block_size_bytes', 'Room of one block.', () => blocks()?.blockBytes ?? 0)
  gauge(
    metrics,
    'glider_blocks_ready',
    'Blocks that hold nothing and whose memory is there already.',
    () => blocks()?.pool.ready ?? 0,
  )
  counter(metrics, 'glider_block_reads_total', 'Reads of blocks.', () => counters.reads)
  counter(metrics, 'glider_block_writes_total', 'Writes of blocks.', () => counters.writes)
  counter(metrics, 'glider_block_bytes_in_total', 'Bytes written into blocks.', () => counters.bytesIn)
  counter(metrics, 'glider_block_bytes_out_total', 'Bytes read from blocks.', () => counters.bytesOut)
  return metrics
}
