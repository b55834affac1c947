import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CommandCluster } from './command.test.helper.ts'

const boom = `import { Action, type ActionInput } from 'glider/action'

interface Unused { x: 1 }
export class Boom extends Action {
  static calls = ['go']
  async onWrite(input: ActionInput) { await input.text() }
  async onRead() {}
  go() {
    throw new Error('boom')
  }
}
`

describe('with --json', { timeout: 60_000 }, () => {
  let on: CommandCluster
  let folder: string
  beforeAll(async () => {
    on = await CommandCluster.start()
    folder = await mkdtemp(join(tmpdir(), 'glider-cli-'))
    await writeFile(join(folder, 'boom.ts'), boom)
    await writeFile(join(folder, 'five'), 'hello')
    await writeFile(join(folder, 'large'), Buffer.alloc(5 << 20))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
    await on.stop()
  })

  const answer = async (...args: string[]): Promise<unknown> => JSON.parse(await on.glider(['--json', ...args]))

  it('commands that have nothing to show tell what they have done', async () => {
    expect(await answer('mkdir', '/a', '/b')).toEqual({ type: 'directory', paths: ['/a', '/b'] })
    expect(await answer('create', 'bag', '/a/bag')).toEqual({ type: 'bag', paths: ['/a/bag'] })
    expect(await answer('put', join(folder, 'five'), '/a/five')).toEqual({ path: '/a/five', bytes: 5 })
    expect(await answer('put', join(folder, 'large'), '/a/large')).toEqual({ path: '/a/large', bytes: 5 << 20 })
    expect(await answer('append', join(folder, 'five'), '/a/bag')).toEqual({ path: '/a/bag', bytes: 5 })
    const file = join(folder, 'got')
    expect(await answer('get', '/a/five', file)).toEqual({ path: '/a/five', file, bytes: 5 })
    expect(await answer('mv', '/a/five', '/a/six')).toEqual({ from: '/a/five', to: '/a/six' })
    expect(await answer('rm', '-r', '-f', '/a', '/missing', '/b')).toEqual({ deleted: ['/a', '/b'] })
  })

  it('those of actions as well', async () => {
    await on.glider(['deploy', join(folder, 'boom.ts')])
    expect(await answer('action', 'create', '/boom', 'boom/Boom')).toEqual({ path: '/boom', definition: 'boom/Boom' })
    expect(await answer('action', 'write', '/boom', join(folder, 'five'))).toEqual({ path: '/boom', bytes: 5 })
    const file = join(folder, 'read')
    expect(await answer('action', 'read', '/boom', file)).toEqual({ path: '/boom', file, bytes: 0 })
    expect(await answer('action', 'delete', '/boom')).toEqual({ path: '/boom', mode: 'wait' })
    expect(await answer('undeploy', 'boom')).toEqual({ undeployed: 'boom' })
    await on.glider(['rm', '/boom'])
  })

  it('what a node holds goes to stdout as it is', async () => {
    await on.glider(['put', join(folder, 'five'), '/five'])
    expect(await on.glider(['--json', 'cat', '/five'])).toBe('hello')
    expect(await on.glider(['--json', 'get', '/five'])).toBe('hello')
    await on.glider(['rm', '/five'])
  })

  it('and --verbose, the failure of an action has its stack, which names the place in the source', async () => {
    await on.glider(['deploy', join(folder, 'boom.ts')])
    await on.glider(['action', 'create', '/boom', 'boom/Boom'])
    const call = ['action', 'call', '/boom', 'go']
    expect((await on.try(call)).stderr).toBe('glider: ACTION_FAILED: /boom: go of Boom threw: boom\n')
    expect((await on.try([...call, '--verbose'])).stderr).toMatch(
      /^glider: ACTION_FAILED: .*: boom\nError: boom\n {4}at Boom\.go \(\S*boom\.ts:9:11\)\n/,
    )
    const { error } = JSON.parse((await on.try([...call, '--verbose', '--json'])).stderr) as { error: Record<string, string> }
    expect(error).toEqual({ code: 'ACTION_FAILED', message: '/boom: go of Boom threw: boom', stack: expect.any(String) })
    expect(error['stack']).toMatch(/boom\.ts:9:11/)
    await on.glider(['rm', '/boom'])
    await on.glider(['undeploy', 'boom'])
  })
})
