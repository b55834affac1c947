import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { realSystem } from '../server/system.ts'
import { codeOf } from './fakes.test.helper.ts'
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
