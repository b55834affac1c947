import { readConfiguration } from '../server/configuration.ts'
import { addressFlag, type CommonFlags, classFlag, flag, limitsOf, serverCommand, sizeFlag } from '../server/flags.ts'
import { markOnOwnThreads } from '../server/garbage.ts'
import { runServer } from '../server/process.ts'
import { clusterSecret } from '../server/secrets.ts'
import { realSystem } from '../server/system.ts'
import { serverTls } from '../server/tls.ts'
import { type StorageKind, storageConfig, storageKinds } from './config.ts'
import { type PrefaultChoice, prefaultChoices } from './prefault.ts'
import { startStorageServer } from './storage-server.ts'

interface Flags extends CommonFlags {
  readonly metadata: string
  readonly capacity: number
  readonly kind: StorageKind
  readonly dataDir?: string
  readonly class?: string
  readonly prefault: PrefaultChoice
}

const command = serverCommand('storage-server', 'Contributes blocks to a cluster.', 0)
  .addOption(flag('--metadata <host:port>', 'address of the metadata server').default('127.0.0.1:9060').argParser(addressFlag))
  .addOption(
    flag('--capacity <size>', 'room for blocks')
      .default(512 << 20, '512MiB')
      .argParser(sizeFlag),
  )
  .addOption(flag('--kind <kind>', 'where the blocks are').choices(storageKinds).default('dram'))
  .addOption(flag('--data-dir <directory>', 'where a server of the kind disk keeps them: a directory of its own'))
  .addOption(
    flag('--prefault <memory>', 'which memory for blocks is touched before it is needed: all, 256 MiB ahead of use, or off')
      .choices(prefaultChoices)
      .default('ahead'),
  )
  .addOption(flag('--class <name>', 'storage class that this server is in (default: its kind)').argParser(classFlag))

const flags = readConfiguration<Flags>(command)
const { host, port, advertise, metadata, capacity, kind, dataDir, spin = false, prefault } = flags
const common = {
  host,
  port,
  metadata,
  capacityBytes: capacity,
  spin,
  limits: limitsOf(flags),
  ...(advertise !== undefined && { advertise }),
}
const system = realSystem('storage-server', flags.logLevel)
markOnOwnThreads()
await runServer(system.log, flags.drain, async dismissed =>
  startStorageServer(
    storageConfig(
      { ...common, secret: clusterSecret(flags.clusterSecretFile), tls: serverTls(flags) },
      { kind, dataDir, storageClass: flags.class, prefault },
    ),
    system,
    dismissed,
  ),
)
