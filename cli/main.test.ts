import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { CommandCluster } from './command.test.helper.ts'

const main = fileURLToPath(new URL('./main.js', import.meta.url))

describe('the process', { timeout: 60_000 }, () => {
  let on: CommandCluster
  beforeAll(async () => {
    on = await CommandCluster.start()
  })
  afterAll(() => on.stop())

  const start = (...args: string[]) =>
    spawn(process.execPath, [main, ...args], { env: { ...process.env, GLIDER_ADDRESS: on.cluster.address } })

  it('ends quietly where nobody reads its output any more', async () => {
    await on.glider(['put', '-', '/large'], { stdin: Buffer.alloc(4 << 20) })
    const child = start('cat', '/large')
    const stderr = text(child.stderr)
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await once(child, 'close')).toEqual([0, null])
    expect(await stderr).toBe('')
    await on.glider(['rm', '/large'])
  })

  it('aborts a transfer on SIGINT and exits 130', async () => {
    const child = start('put', '-', '/file')
    const stderr = text(child.stderr)
    child.stdin.write(Buffer.alloc(5 << 20))
    child.stdin.on('error', () => undefined)
    await vi.waitFor(async () => expect(await on.glider(['ls'])).toContain('file'), { timeout: 20_000 })
    child.kill('SIGINT')
    expect(await once(child, 'close')).toEqual([130, null])
    expect(await stderr).toBe('')
    expect(await on.glider(['ls'])).toBe('')
  })
})
