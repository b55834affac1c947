import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { realSystem } from '../server/system.ts'
import { codeOf } from './fakes.test.helper.ts'
import { type LocalMetadataServer, startLocalMetadataServer } from './index.ts'
import { startMetadataServer } from './start.ts'

test('a start that finds its port taken leaves the state directory to the next one', async () => {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'glider-test-'))
  const taken = createServer()
  try {
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const system = realSystem('metadata-server', 'silent')
    const config = { host: '127.0.0.1', stateDir }
    expect(await codeOf(startMetadataServer({ ...config, port }, system))).toBe('INVALID_ARGUMENT')
    const server = await startMetadataServer({ ...config, port: 0 }, system)
    await server.stop()
  } finally {
    await new Promise(resolve => taken.close(resolve))
    await rm(stateDir, { recursive: true })
  }
})

const local = { port: 0, blockSize: '1MiB', storageClasses: ['dram'], deadAfter: '5s', logLevel: 'silent' } as const

test('an admin token without a secret, which would protect nothing, is refused', async () => {
  const adminToken = 'a token of some length for operators'
  await expect(startLocalMetadataServer({ ...local, adminToken })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/--admin-token-file.*--cluster-secret-file/),
  })
})

test.each<[Partial<LocalMetadataServer>, string]>([
  [{ blockSize: 3 }, '4.0 KiB'],
  [{ blockSize: '2GiB' }, '1.0 GiB'],
  [{ storageClasses: ['dram', '', 'x y'] }, '--classes'],
])('what makes no sense is refused: %j', async (wrong, told) => {
  await expect(startLocalMetadataServer({ ...local, ...wrong })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(told),
  })
})
