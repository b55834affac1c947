import path from 'node:path'
import { StoreClient } from 'glider'
import { Member } from './member.ts'
import type { FaultProxy } from './proxy.system.ts'
import { activeSeats, type ServerSeat, storageSeats } from './schedule.ts'

/** Small, so that a value has many blocks and a class can be filled. */
const BLOCK = '256KiB'
const DRAM = '40MiB'
const DISK = '64MiB'
/** What is stopped for longer dies, and comes back to life. */
const DEAD_AFTER = '5s'

/** A metadata server with a journal, storage servers of two classes, and active servers: each a process behind proxies. */
export class FaultCluster implements AsyncDisposable {
  /** What clients connect to. */
  readonly address: string
  readonly members: ReadonlyMap<ServerSeat, Member>
  /** Past all faults of the way: the driver's own client. */
  readonly store: StoreClient
  /** The same way for other clients. */
  readonly way: FaultProxy

  private constructor(members: ReadonlyMap<ServerSeat, Member>, way: FaultProxy, store: StoreClient) {
    this.members = members
    this.way = way
    this.store = store
    this.address = `http://${members.get('metadata')!.front.address}`
  }

  /**
   * @param folder empty, for the journal and the blocks on disk
   * @param brokeDown told of processes that end by themselves
   */
  static async start(folder: string, brokeDown: (why: string) => void): Promise<FaultCluster> {
    const state = ['--state-dir', path.join(folder, 'state'), '--block-size', BLOCK, '--dead-after', DEAD_AFTER]
    const metadata = await Member.make('metadata', state, undefined, brokeDown)
    const members = new Map<ServerSeat, Member>([['metadata', metadata]])
    try {
      for (const seat of storageSeats) {
        const dram = ['--kind', 'dram', '--capacity', DRAM, '--prefault', 'all']
        const disk = ['--kind', 'disk', '--capacity', DISK, '--data-dir', path.join(folder, seat)]
        members.set(seat, await Member.make(seat, seat.startsWith('dram') ? dram : disk, metadata, brokeDown))
      }
      const active = ['--slots', '32', '--threads', '2', '--thread-memory', '256MiB']
      for (const seat of activeSeats) members.set(seat, await Member.make(seat, active, metadata, brokeDown))
      const way = await metadata.safeWay()
      await metadata.start()
      await Promise.all([...members.values()].filter(member => member !== metadata).map(member => member.start()))
      return new FaultCluster(members, way, await StoreClient.connect(way.address))
    } catch (error) {
      for (const member of members.values()) await member[Symbol.asyncDispose]()
      throw error
    }
  }

  member(seat: ServerSeat): Member {
    return this.members.get(seat)!
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close()
    for (const member of [...this.members.values()].reverse()) await member[Symbol.asyncDispose]()
  }
}
