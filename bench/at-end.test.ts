import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'glider-bench-'))
})

afterEach(() => rm(folder, { recursive: true }))

function helper(...how: string[]): ReturnType<typeof fork> {
  return fork(fileURLToPath(new URL('./at-end.test.helper.js', import.meta.url)), [path.join(folder, 'done'), ...how])
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'what is to be done at the end is done on %s, which ends it as ever',
  async signal => {
    const child = helper()
    await once(child, 'message')
    child.kill(signal)
    expect(await once(child, 'exit')).toEqual([null, signal])
    expect(await readdir(folder)).toEqual(['done'])
  },
)

test('it is done as well where the process exits by itself', async () => {
  const child = helper('exit')
  expect(await once(child, 'exit')).toEqual([3, null])
  expect(await readdir(folder)).toEqual(['done'])
})
