import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { CommandCluster } from './command.test.helper.ts'
import { Interrupted, run } from './run.ts'

const node = process.execPath

describe('lease', () => {
  let on: CommandCluster
  beforeAll(async () => {
    on = await CommandCluster.start({ activeServers: 0 })
  })
  afterAll(() => on.stop())
  beforeEach(async () => {
    await on.glider(['mkdir', '-p', '/job/deep'])
  })

  const gone = () => vi.waitFor(async () => expect((await on.try(['stat', '/job'])).code).toBe(1), { timeout: 10_000 })

  it('lets a node live while a command runs, and exits as that does', async () => {
    const script = 'console.log("out"); console.error("err"); process.exitCode = 7'
    const outcome = await on.try(['lease', '/job', '--ttl', '1s', '--', node, '-e', script])
    expect(outcome).toMatchObject({ code: 7, stdout: 'out\n', stderr: 'err\n' })
    await gone()
  })

  it('outlives the time of its lease as long as the command does', async () => {
    // Three times as long as the node would live by itself.
    await on.glider(['lease', '/job', '--ttl', '1s', '--', node, '-e', 'setTimeout(() => {}, 3_000)'])
    expect(await on.glider(['stat', '/job'])).toContain('directory')
    await gone()
  })

  it('lets the node live on with --keep, where the command has exited with 0', async () => {
    await on.glider(['lease', '/job', '--ttl', '1s', '--keep', '--', node, '-e', '0'])
    const { leases } = await metrics()
    expect(leases).toBe(0)
    expect(await on.glider(['stat', '/job'])).toContain('directory')
    expect((await on.try(['lease', '/job', '--ttl', '1s', '--keep', '--', node, '-e', 'process.exit(1)'])).code).toBe(1)
    await gone()
  })

  it('holds without a command until it is interrupted', async () => {
    const interrupt = new AbortController()
    const stdout = new PassThrough()
    const streams = { stdin: new PassThrough(), stdout, stderr: new PassThrough() }
    const args = ['--address', on.cluster.address, 'lease', '/job', '--ttl', '300ms']
    const holding = run(args, { ...streams, signal: interrupt.signal })
    const [said] = (await once(stdout, 'data')) as [Buffer]
    expect(said.toString()).toBe('/job lives while this runs; without it, 300 ms more\n')
    interrupt.abort(new Interrupted(130))
    expect(await holding).toBe(0)
    await gone()
  })

  it('ends the command where the node is deleted, and says so', async () => {
    const running = on.try(['lease', '/job', '--ttl', '1s', '--', node, '-e', 'setInterval(() => {}, 1000)'])
    await vi.waitFor(async () => expect((await metrics()).leases).toBe(1), 20_000)
    await on.glider(['rm', '-r', '/job'])
    expect(await running).toMatchObject({ code: 1, stderr: expect.stringMatching(/^glider: NOT_FOUND: [^\n]+\n$/) })
  })

  it.each([
    [2, 'INVALID_ARGUMENT', ['lease', '/job', '--ttl', 'soon']],
    [2, 'INVALID_ARGUMENT', ['lease', '/job', '--ttl', '0s']],
    [1, 'NOT_FOUND', ['lease', '/missing', '--', node, '-e', '0']],
    [127, 'ENOENT: cannot run no-such: there is no such command: check', ['lease', '/job', '--ttl', '300ms', '--', 'no-such']],
    [126, 'EACCES: cannot run /', ['lease', '/job', '--ttl', '300ms', '--', '/']],
  ])('exits %i with %s: %j', async (code, error, args) => {
    expect(await on.try(args)).toMatchObject({
      code,
      stderr: expect.stringMatching(new RegExp(`^glider: ${error}[^\\n]+\\n$`)),
    })
  })

  async function metrics(): Promise<{ leases: number }> {
    const text = await (await fetch(`${on.cluster.address}/metrics`)).text()
    return { leases: Number(/^glider_leases (\d+)$/m.exec(text)?.[1]) }
  }
})
