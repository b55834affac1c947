import { addressFlag, type CommonFlags, countFlag, durationFlag, flag, serverCommand, sizeWithinFlag } from '../server/flags.ts'
import { LEAST_THREAD_MEMORY_BYTES } from './memory-watch.ts'
import { DEFAULT_ACTION_STREAMS } from './slots.ts'

/** What an active server can be told. */
export interface ActiveFlags extends CommonFlags {
  readonly metadata: string
  readonly namespace?: string
  readonly slots: number
  readonly maxActionStreams: number
  readonly bundleDir?: string
  readonly threads: number
  readonly turnTimeout: number
  readonly threadMemory: number
}

export const activeCommand = serverCommand('active-server', 'Contributes slots for action objects to a cluster.', 0)
  .addOption(flag('--metadata <host:port>', 'address of the metadata server').default('127.0.0.1:9060').argParser(addressFlag))
  .addOption(flag('--namespace <name>', 'whose objects it takes, and no others (default: default)'))
  .addOption(flag('--slots <number>', 'how many action objects it takes').default(64).argParser(countFlag))
  .addOption(
    flag('--max-action-streams <number>', 'streams open on one action; more are refused')
      .default(DEFAULT_ACTION_STREAMS)
      .argParser(countFlag),
  )
  .addOption(
    flag('--turn-timeout <time>', 'how long an action may run without coming back to the event loop')
      .default(10_000, '10s')
      .argParser(durationFlag),
  )
  .addOption(
    flag('--thread-memory <size>', 'what the objects of one thread may hold together')
      .default(512 << 20, '512MiB')
      .argParser(sizeWithinFlag(LEAST_THREAD_MEMORY_BYTES)),
  )
  .addOption(flag('--bundle-dir <directory>', 'where bundles are put: a folder that confined.js has made for it').hideHelp())
  .addOption(flag('--threads <number>', 'threads that the objects run on').default(2).argParser(countFlag))
