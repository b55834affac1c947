/** What a report has to say of where and with what it was measured. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Machine, Versions } from './results.ts'

const PEERS = ['ioredis', 'redis', 'autocannon', 'ws', 'vega', 'vega-lite']

export function machineFacts(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    platform: `${os.platform()} ${os.arch()}`,
    kernel: os.release(),
    loadAverage: os.loadavg()[0]!,
  }
}

export async function versionFacts(): Promise<Versions> {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const { version } = await packageFile(`${root}package.json`)
  const packages = await Promise.all(
    PEERS.map(async name => [name, (await packageFile(`${root}node_modules/${name}/package.json`)).version] as const),
  )
  return {
    glider: version,
    commit: await said('git', ['-C', root, 'describe', '--always', '--dirty', '--abbrev=12', '--exclude=*']),
    node: process.version,
    v8: process.versions.v8,
    uv: process.versions.uv,
    redis: /v=(\S+)/.exec((await said('redis-server', ['--version'])) ?? '')?.[1] ?? null,
    packages: Object.fromEntries(packages),
  }
}

async function packageFile(file: string): Promise<{ readonly version: string }> {
  return JSON.parse(await readFile(file, 'utf8')) as { version: string }
}

/** Null where there is no such program, or where it fails. */
async function said(program: string, flags: readonly string[]): Promise<string | null> {
  try {
    return (await promisify(execFile)(program, flags)).stdout.trim()
  } catch {
    return null
  }
}
