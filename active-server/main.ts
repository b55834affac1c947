import { readConfiguration } from '../server/configuration.ts'
import { limitsOf } from '../server/flags.ts'
import { markOnOwnThreads } from '../server/garbage.ts'
import { runServer } from '../server/process.ts'
import { clusterSecret, dropTokens } from '../server/secrets.ts'
import { realSystem } from '../server/system.ts'
import { serverTls } from '../server/tls.ts'
import { startActiveServer } from './active-server.ts'
import { type ActiveFlags, activeCommand } from './command.ts'

const flags = readConfiguration<ActiveFlags>(activeCommand)
const system = realSystem('active-server', flags.logLevel)
const { turnTimeout: turnTimeoutMs, threadMemory: threadMemoryBytes } = flags
const limits = limitsOf(flags)
dropTokens()
markOnOwnThreads()
const isConfined = flags.bundleDir !== undefined
await runServer(
  system.log,
  flags.drain,
  leave =>
    startActiveServer(
      {
        ...flags,
        turnTimeoutMs,
        threadMemoryBytes,
        limits,
        secret: clusterSecret(flags.clusterSecretFile),
        tls: serverTls(flags),
      },
      system,
      leave,
    ),
  isConfined ? 'parent' : 'signals',
)
