import { type CommonFlags, flag, serverCommand, sizeFlag } from '../server/flags.ts'
import { runServer } from '../server/process.ts'
import { realSystem } from '../server/system.ts'
import { startStorageServer } from './storage-server.ts'

interface Flags extends CommonFlags {
  readonly metadata: string
  readonly capacity: number
  readonly class: string
}

const command = serverCommand('storage-server', 'Contributes blocks of memory to a cluster.', 0)
  .addOption(flag('--metadata <host:port>', 'address of the metadata server').default('127.0.0.1:9060'))
  .addOption(
    flag('--capacity <size>', 'memory for blocks')
      .default(512 << 20, '512MiB')
      .argParser(sizeFlag),
  )
  .addOption(flag('--class <name>', 'storage class that this server is in').default('dram'))

const flags = command.parse().opts<Flags>()
const system = realSystem('storage-server', flags.logLevel)
await runServer(system.log, () =>
  startStorageServer({ ...flags, capacityBytes: flags.capacity, storageClass: flags.class }, system),
)
