import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { makeTemporaryFolder } from './bundles.ts'

test('a folder that somebody else has left behind, and that cannot be removed, keeps no server from starting', async () => {
  // One of its own: in that of the machine other servers remove what is left behind.
  const folder = await mkdtemp(path.join(tmpdir(), 'glider-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  vi.stubEnv('TMPDIR', folder)
  onTestFinished(() => void vi.unstubAllEnvs())
  const { pid } = spawnSync(process.execPath, ['--version'])
  const left = path.join(folder, `glider-bundles-${pid}-left`)
  await mkdir(left)
  const tried: unknown[] = []
  const refuse = async (one: unknown): Promise<void> => {
    tried.push(one)
    throw Object.assign(new Error('not yours'), { code: 'EPERM' })
  }
  expect(path.dirname(await makeTemporaryFolder(refuse))).toBe(folder)
  expect(tried).toEqual([left])
})
