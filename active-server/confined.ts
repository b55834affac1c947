/**
 * Starts an active server, with the flags that it is given, under Node's permission model: its process, and the code of its actions
 * with it, reads what it runs from, reads and writes the folder of its bundles, and starts no program.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { clusterSecret } from '../server/secrets.ts'
import { type ConfinedFolder, makeConfinedFolder } from './confined-folder.ts'

const SECRET_FLAG = '--cluster-secret-file'
const TLS_FLAGS = ['--tls-cert', '--tls-key', '--tls-ca']

/** What is given for a flag, be it `--flag value`, `--flag=value` or in the environment. */
function valueOf(flag: string, args: readonly string[]): string | undefined {
  const at = args.indexOf(flag)
  const joined = args.find(arg => arg.startsWith(`${flag}=`))?.slice(flag.length + 1)
  return (
    (at < 0 ? undefined : args[at + 1]) ?? joined ?? process.env[`GLIDER_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`]
  )
}

function without(flag: string, args: readonly string[]): string[] {
  return args.filter((arg, at) => arg !== flag && args[at - 1] !== flag && !arg.startsWith(`${flag}=`))
}

/** Of Node, to read its own code and that of its packages, and to work in one folder. */
function permissions({ folder, code }: ConfinedFolder, args: readonly string[]): string[] {
  const packages = path.join(createRequire(import.meta.url).resolve('fastify/package.json'), '..', '..')
  const files = TLS_FLAGS.map(flag => valueOf(flag, args)).filter(file => file !== undefined)
  const read = [
    ...[path.join(own, 'dist', '*'), path.join(own, 'package.json'), path.join(own, 'node_modules')],
    ...[path.join(packages, '*'), path.join(folder, '*'), ...files],
  ]
  const known = process.allowedNodeEnvironmentFlags
  return [
    known.has('--permission') ? '--permission' : '--experimental-permission',
    '--allow-worker',
    ...(known.has('--allow-net') ? ['--allow-net'] : []),
    ...read.map(place => `--allow-fs-read=${place}`),
    `--allow-fs-write=${path.join(code, '*')}`,
  ]
}

const own = realpathSync(fileURLToPath(new URL('../..', import.meta.url)))
const args = process.argv.slice(2)
const made = await makeConfinedFolder(own)
try {
  // The server could read no file of its own that its actions cannot read.
  const secret = clusterSecret(valueOf(SECRET_FLAG, args))
  const env: NodeJS.ProcessEnv = { ...process.env, ...(secret !== undefined && { GLIDER_CLUSTER_SECRET: secret }) }
  delete env.GLIDER_CLUSTER_SECRET_FILE
  // With flags of its own in there, somebody could mean other permissions.
  delete env.NODE_OPTIONS
  const main = fileURLToPath(new URL('./main.js', import.meta.url))
  const child = spawn(
    process.execPath,
    [...permissions(made, args), '--no-warnings', main, ...without(SECRET_FLAG, args), '--bundle-dir', made.code],
    {
      stdio: process.send ? ['ignore', 'inherit', 'inherit', 'ipc'] : 'inherit',
      env,
    },
  )
  child.on('message', message => process.send?.(message))
  process.on('disconnect', () => child.kill('SIGTERM'))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal))
  const [code] = (await once(child, 'exit')) as [number | null]
  process.exitCode = code ?? 1
} finally {
  await rm(made.folder, { recursive: true, force: true })
}
if (process.connected) process.disconnect()
