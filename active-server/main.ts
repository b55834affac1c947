import { readConfiguration } from '../server/configuration.ts'
import { type CommonFlags, countFlag, durationFlag, flag, limitsOf, serverCommand, sizeFlag } from '../server/flags.ts'
import { runServer } from '../server/process.ts'
import { realSystem } from '../server/system.ts'
import { startActiveServer } from './active-server.ts'

interface Flags extends CommonFlags {
  readonly metadata: string
  readonly slots: number
  readonly threads: number
  readonly turnTimeout: number
  readonly threadMemory: number
}

const command = serverCommand('active-server', 'Contributes slots for action objects to a cluster.', 0)
  .addOption(flag('--metadata <host:port>', 'address of the metadata server').default('127.0.0.1:9060'))
  .addOption(flag('--slots <number>', 'how many action objects it takes').default(64).argParser(countFlag))
  .addOption(
    flag('--turn-timeout <time>', 'how long an action may run without coming back to the event loop')
      .default(10_000, '10s')
      .argParser(durationFlag),
  )
  .addOption(
    flag('--thread-memory <size>', 'what the objects of one thread may hold together')
      .default(512 << 20, '512MiB')
      .argParser(sizeFlag),
  )
  .addOption(flag('--threads <number>', 'threads that the objects run on').default(2).argParser(countFlag))

const flags = readConfiguration<Flags>(command)
const system = realSystem('active-server', flags.logLevel)
const { turnTimeout: turnTimeoutMs, threadMemory: threadMemoryBytes } = flags
await runServer(system.log, flags.drain, leave =>
  startActiveServer({ ...flags, turnTimeoutMs, threadMemoryBytes, limits: limitsOf(flags) }, system, leave),
)
