import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { RedisServer } from './redis-server.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('Redis is no peer where redis-benchmark is not there as well', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'glider-bench-'))
  try {
    const server = path.join(folder, 'redis-server')
    await writeFile(server, `#!/bin/sh\n: > ${folder}/started\necho Ready to accept connections\n`)
    await chmod(server, 0o755)
    vi.stubEnv('PATH', folder)
    await expect(RedisServer.start()).resolves.toBeUndefined()
    expect(await readdir(folder)).toEqual(['redis-server'])
  } finally {
    await rm(folder, { recursive: true })
  }
})
