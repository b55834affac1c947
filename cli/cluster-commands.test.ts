import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { CommandCluster, runCommand } from './command.test.helper.ts'
import { run } from './run.ts'

describe('servers', () => {
  it('lists the servers of the cluster', async () => {
    const on = await CommandCluster.start({ storageServers: 2 })
    const table = await on.glider(['servers'])
    expect(table.match(/storage +127\.0\.0\.1:\d+ +live +dram +8 of 8 blocks free/g)).toHaveLength(2)
    expect(table).toMatch(/active +127\.0\.0\.1:\d+ +live +active +2 of 2 slots free/)
    expect(JSON.parse(await on.glider(['servers', '--json']))).toHaveLength(3)
    await on.glider(['put', '-', '/file'], { stdin: 'x'.repeat(5000) })
    const [holder] = (JSON.parse(await on.glider(['servers', '--json'])) as { id: string; used: number }[]).filter(
      ({ id, used }) => id.startsWith('storage') && used > 0,
    )
    expect((await on.try(['servers', 'remove', holder!.id])).stderr).toContain('give --force to lose them')
    expect(await on.glider(['servers', 'drain', holder!.id, '--no-wait'])).toContain('it holds 1 block\n')
    await on.glider(['rm', '/file'])
    await on.stop()
  })
})

describe('up', () => {
  it('runs a cluster until it is interrupted', async () => {
    const interrupt = new AbortController()
    const stdout = new PassThrough()
    const streams = { stdin: new PassThrough(), stdout, stderr: new PassThrough() }
    const flags = ['--port', '0', '--storage-servers', '1', '--active-servers', '0', '--capacity', '1MiB', '--json']
    const running = run(['up', ...flags], { ...streams, signal: interrupt.signal })
    const [said] = (await once(stdout, 'data')) as [Buffer]
    const { address, servers } = JSON.parse(said.toString()) as { address: string; servers: { role: string }[] }
    expect(servers.map(({ role }) => role)).toEqual(['metadata', 'storage'])
    expect(await runCommand(['ls', '--address', address])).toMatchObject({ code: 0 })
    interrupt.abort()
    expect(await running).toBe(0)
    expect(await runCommand(['ls', '--address', address])).toMatchObject({ code: 1 })
  })
})
