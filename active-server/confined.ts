/**
 * Starts an active server, with the flags that it is given, under Node's permission model: its process, and the code of its actions
 * with it, reads what it runs from, reads and writes the folder of its bundles, and starts no program.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { configurationOf, readConfiguration } from '../server/configuration.ts'
import { createLog } from '../server/log.ts'
import { onParentGone } from '../server/parent-process.ts'
import { notStarted, type SignalMessage } from '../server/process.ts'
import { clusterSecret } from '../server/secrets.ts'
import { type ActiveFlags, activeCommand } from './command.ts'
import { type ConfinedFolder, makeConfinedFolder } from './confined-folder.ts'
import { distinctPlaces } from './distinct-places.ts'

/** Of Node, to read its own code and that of its packages, and to work in one folder. */
function permissions({ folder, code }: ConfinedFolder, { tlsCert, tlsKey, tlsCa }: ActiveFlags): string[] {
  const packages = path.join(createRequire(import.meta.url).resolve('fastify/package.json'), '..', '..')
  // Where it is a link, the link itself is read as well. Node breaks down over a place that is told beside all that is in it.
  const link = path.join(own, 'node_modules')
  const links = packages === link ? [] : [link]
  const files = [tlsCert, tlsKey, tlsCa].filter(file => file !== undefined).map(file => path.resolve(file))
  const read = distinctPlaces([
    ...[path.join(own, 'dist', '*'), path.join(own, 'package.json'), ...links],
    ...[path.join(packages, '*'), path.join(folder, '*'), ...files],
  ])
  const known = process.allowedNodeEnvironmentFlags
  return [
    known.has('--permission') ? '--permission' : '--experimental-permission',
    '--allow-worker',
    ...(known.has('--allow-net') ? ['--allow-net'] : []),
    ...read.map(place => `--allow-fs-read=${place}`),
    `--allow-fs-write=${path.join(code, '*')}`,
  ]
}

async function ownSecret(): Promise<string | undefined> {
  try {
    return clusterSecret(flags.clusterSecretFile)
  } catch (error) {
    return notStarted(createLog('active-server', flags.logLevel), error)
  }
}

const own = realpathSync(fileURLToPath(new URL('../..', import.meta.url)))
const flags = readConfiguration<ActiveFlags>(activeCommand)
const secret = await ownSecret()
const made = await makeConfinedFolder(own)
try {
  // The server could read no file of its own that its actions cannot read: of the secret it is told in its environment, which it clears.
  const told = { ...configurationOf(activeCommand), 'cluster-secret-file': undefined, 'bundle-dir': made.code }
  const config = path.join(made.folder, 'server.json')
  await writeFile(config, JSON.stringify(told))
  const env = { ...process.env }
  // What else of Glider is in there, as a token of an operator who has the command in the same shell, is nothing for actions.
  for (const name of Object.keys(env)) if (name.startsWith('GLIDER_')) delete env[name]
  if (secret !== undefined) env.GLIDER_CLUSTER_SECRET = secret
  // With flags of its own in there, somebody could mean other permissions.
  delete env.NODE_OPTIONS
  const main = fileURLToPath(new URL('./main.js', import.meta.url))
  const child = spawn(process.execPath, [...permissions(made, flags), '--no-warnings', main, '--config', config], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env,
  })
  child.on('message', message => process.send?.(message))
  onParentGone(() => void (child.connected && child.disconnect()))
  // By a terminal and by systemd both processes are sent the same signal: it is to count once.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const message: SignalMessage = { signal }
    process.on(signal, () => void child.send(message, () => undefined))
  }
  const [code] = (await once(child, 'exit')) as [number | null]
  process.exitCode = code ?? 1
} finally {
  await rm(made.folder, { recursive: true, force: true })
}
if (process.connected) process.disconnect()
