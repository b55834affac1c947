import { readConfiguration } from '../server/configuration.ts'
import {
  type CommonFlags,
  classesFlag,
  durationFlag,
  flag,
  limitsOf,
  serverCommand,
  sizeFlag,
  sizeWithinFlag,
} from '../server/flags.ts'
import { runServer } from '../server/process.ts'
import { adminToken, clusterSecret } from '../server/secrets.ts'
import { realSystem } from '../server/system.ts'
import { serverTls } from '../server/tls.ts'
import { defaultConfig, LEAST_BLOCK_BYTES, MOST_BLOCK_BYTES } from './config.ts'
import { startMetadataServer } from './start.ts'

interface Flags extends CommonFlags {
  readonly blockSize: number
  readonly classes: readonly string[]
  readonly deadAfter: number
  readonly inlineLimit: number
  readonly inlineBudget: number
  readonly stateDir?: string
  readonly sync?: boolean
  readonly adminTokenFile?: string
}

const command = serverCommand('metadata-server', 'Keeps the namespace of a cluster and hands out its blocks and slots.', 9060)
  .addOption(
    flag('--block-size <size>', 'size of a block on every storage server')
      .default(defaultConfig.blockBytes, '1MiB')
      .argParser(sizeWithinFlag(LEAST_BLOCK_BYTES, MOST_BLOCK_BYTES)),
  )
  .addOption(
    flag('--classes <names>', 'storage classes, separated by commas: a full one falls back to the next')
      .default(defaultConfig.storageClasses, defaultConfig.storageClasses.join(','))
      .argParser(classesFlag),
  )
  .addOption(
    flag('--dead-after <time>', 'a server that has given no sign of life for so long is dead')
      .default(defaultConfig.deadAfterMs, '5s')
      .argParser(durationFlag),
  )
  .addOption(
    flag('--inline-limit <size>', 'files and keyvalues up to this size are kept with the metadata; 0 for none')
      .default(defaultConfig.inlineBytes, '4KiB')
      .argParser(sizeFlag),
  )
  .addOption(
    flag('--inline-budget <size>', 'memory for what is kept with the metadata')
      .default(defaultConfig.inlineBudgetBytes, '256MiB')
      .argParser(sizeFlag),
  )
  .addOption(flag('--state-dir <directory>', 'keeps a journal there, so that a restart finds everything that was acknowledged'))
  .addOption(flag('--sync', 'acknowledges only what the disk has of that journal: safe against the death of the machine as well'))

command.addOption(
  flag('--admin-token-file <file>', 'by which operators come where there is a cluster secret; also as GLIDER_ADMIN_TOKEN'),
)

const flags = readConfiguration<Flags>(command)
const { blockSize, classes, deadAfter, inlineLimit, inlineBudget, stateDir, sync, adminTokenFile, ...common } = flags
const system = realSystem('metadata-server', common.logLevel)
const config = { host: common.host, port: common.port, ...(common.advertise && { advertise: common.advertise }) }
if (sync && stateDir === undefined) command.error('error: --sync is for the journal: give a --state-dir as well')
await runServer(system.log, common.drain, leave =>
  startMetadataServer(
    {
      ...config,
      secret: clusterSecret(common.clusterSecretFile),
      adminToken: adminToken(adminTokenFile),
      tls: serverTls(common),
      blockBytes: blockSize,
      storageClasses: classes,
      deadAfterMs: deadAfter,
      inlineBytes: inlineLimit,
      inlineBudgetBytes: inlineBudget,
      ...(stateDir !== undefined && { stateDir }),
      ...(sync && { sync }),
      ...(common.spin && { spin: true }),
      limits: limitsOf(common),
    },
    system,
    leave,
  ),
)
