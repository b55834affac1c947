import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { CommandCluster } from './command.test.helper.ts'
import { Interrupted } from './run.ts'

const greeter = `
import { Action } from 'glider/action'
export class Greeter extends Action {
  static calls = ['greet', 'say']
  onCreate() { if (!this.params?.word) throw new Error('params.word is missing') }
  async onRead(output) { await output.write(this.params.word) }
  say(words) { console.log(words) }
  greet(name) { return this.params.word + ' ' + (name ?? 'you') }
}`

describe('commands of actions', () => {
  let on: CommandCluster
  let folder: string
  beforeAll(async () => {
    on = await CommandCluster.start()
    folder = await mkdtemp(join(tmpdir(), 'glider-cli-'))
    await writeFile(join(folder, 'hello.js'), greeter)
    await writeFile(join(folder, 'broken.ts'), 'export class {')
  })
  afterAll(async () => {
    await on.stop()
    await rm(folder, { recursive: true })
  })

  it('creates, writes, reads, calls and deletes an object', async () => {
    expect(await on.glider(['action', 'create', '/merge', 'Merge', '--interleaved'])).toBe('')
    await on.glider(['action', 'write', '/merge', '-'], { stdin: 'a,1\nb,2\na,3\n' })
    await writeFile(join(folder, 'more'), 'b,5\n')
    await on.glider(['action', 'write', '/merge', join(folder, 'more')])
    expect((await on.glider(['action', 'read', '/merge'])).split('\n').sort()).toEqual(['', 'a,4', 'b,7'])
    expect(await on.glider(['action', 'call', '/merge', 'size'])).toBe('2\n')
    expect(await on.glider(['stat', '/merge'])).toMatch(/object +live\ndefinition +std\/Merge/)
    expect((await on.try(['action', 'create', '/merge', 'Merge'])).stderr).toMatch(/^glider: ALREADY_EXISTS: [^\n]+\n$/)
    await on.glider(['action', 'create', '/merge', 'Merge', '--replace'])
    expect(await on.glider(['action', 'read', '/merge'])).toBe('')
    await on.glider(['action', 'delete', '/merge', '--mode', 'abort'])
    expect((await on.try(['action', 'delete', '/merge'])).stderr).toMatch(/^glider: NO_ACTION_OBJECT: [^\n]+\n$/)
    await on.glider(['rm', '/merge'])
  })

  it('deploys a file and makes objects of it with parameters', async () => {
    const deployed = JSON.parse(await on.glider(['deploy', join(folder, 'hello.js'), '--name', 'hi', '--json'])) as unknown
    expect(deployed).toMatchObject({ name: 'hi', classes: [{ name: 'Greeter', calls: ['greet', 'say'] }] })
    expect(await on.glider(['deploy', join(folder, 'hello.js')])).toMatch(
      /^hello \(version \S+\)\n {2}hello\/Greeter {2}calls: greet, say\n$/,
    )
    await on.glider(['action', 'create', '/deep/greeter', 'hi/Greeter', '-p', '--params', '{"word":"Hello"}'])
    expect(await on.glider(['action', 'read', '/deep/greeter', '-'])).toBe('Hello')
    expect(await on.glider(['action', 'call', '/deep/greeter', 'greet'])).toBe('"Hello you"\n')
    expect(await on.glider(['action', 'call', '/deep/greeter', 'greet', '-5'])).toBe('"Hello -5"\n')
    await on.glider(['rm', '-r', '/deep'])
  })

  it('shows what an action logs, and goes on until it is interrupted or the object ends', async () => {
    await on.glider(['deploy', join(folder, 'hello.js')])
    await on.glider(['action', 'create', '/talker', 'hello/Greeter', '--params', '{"word":"Hello"}'])
    await on.glider(['action', 'call', '/talker', 'say', '"one\\ntwo \\u001b[2J"'])
    let shown = ''
    do shown = await on.glider(['action', 'logs', '/talker', '--no-follow'])
    while (shown === '')
    expect(shown).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}one\n {2}two \\x1b\[2J\n$/)
    const lines = (await on.glider(['action', 'logs', '/talker', '--no-follow', '--json'])).trimEnd().split('\n')
    expect(lines.map(line => JSON.parse(line) as object)).toMatchObject([{ level: 'info', message: 'one\ntwo \u001b[2J' }])
    const interrupt = new AbortController()
    const onOutput = (): void => interrupt.abort(new Interrupted(130))
    expect((await on.try(['action', 'logs', '/talker'], { signal: interrupt.signal, onOutput })).code).toBe(130)
    let deleted: Promise<string> | undefined
    const followed = on.glider(['action', 'logs', '/talker'], {
      onOutput() {
        deleted = on.glider(['action', 'delete', '/talker'])
      },
    })
    expect(await followed).toBe(shown)
    await deleted
    expect((await on.try(['action', 'logs', '/talker'])).stderr).toMatch(/^glider: NO_ACTION_OBJECT: [^\n]+\n$/)
    await on.glider(['rm', '/talker'])
  })

  it('gives operations ids with --operation-ids, which the log and errors name', async () => {
    await on.glider(['deploy', join(folder, 'hello.js')])
    await on.glider(['action', 'create', '/followed', 'hello/Greeter', '--params', '{"word":"Hello"}'])
    await on.glider(['--operation-ids', 'action', 'call', '/followed', 'say', '"here"'])
    let lines = ''
    do lines = await on.glider(['action', 'logs', '/followed', '--no-follow', '--json'])
    while (lines === '')
    const id: unknown = expect.stringMatching(/^[\w-]{8}-\d+$/)
    expect(JSON.parse(lines)).toMatchObject({ message: 'here', operation: id })
    const { stderr } = await on.try(['--operation-ids', '--json', 'action', 'call', '/followed', 'nonsense'])
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'INVALID_ARGUMENT', operation: id } })
    for (const [told, operation] of [
      ['true', id],
      ['false', undefined],
    ] as const) {
      vi.stubEnv('GLIDER_OPERATION_IDS', told)
      const answered = await on.try(['--json', 'action', 'call', '/followed', 'nonsense'])
      vi.unstubAllEnvs()
      expect((JSON.parse(answered.stderr) as { error: object }).error).toHaveProperty('code', 'INVALID_ARGUMENT')
      expect((JSON.parse(answered.stderr) as { error: { operation?: string } }).error.operation).toEqual(operation)
    }
    await on.glider(['rm', '/followed'])
  })

  it('shows what is deployed, and takes it out again', async () => {
    await on.glider(['deploy', join(folder, 'hello.js'), '--name', 'out'])
    expect(await on.glider(['definitions'])).toMatch(
      /^out \(version \S+\)\n {2}out\/Greeter {2}calls: greet, say\nstd \(version \S+\)\n {2}std\/\w+/m,
    )
    const bundles = JSON.parse(await on.glider(['definitions', '--json'])) as { name: string }[]
    expect(bundles).toContainEqual(
      expect.objectContaining({ name: 'out', classes: [{ name: 'Greeter', calls: ['greet', 'say'] }] }),
    )
    await on.glider(['action', 'create', '/out', 'out/Greeter', '--params', '{"word":"Hello"}'])
    expect(await on.try(['undeploy', 'out'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^glider: BUSY: [^\n]*1 object[^\n]*\n$/),
    })
    expect(await on.glider(['undeploy', 'out', '--force'])).toBe('')
    expect(await on.glider(['action', 'read', '/out'])).toBe('Hello')
    expect(await on.glider(['definitions'])).not.toContain('out/')
    expect((await on.try(['undeploy', 'out'])).stderr).toMatch(/^glider: NOT_FOUND: [^\n]+\n$/)
    await on.glider(['rm', '/out'])
  })

  it('leaves no node behind that it has made for an object that could not be', async () => {
    for (const [definition, error] of [
      ['Nonsense', 'NOT_FOUND'],
      ['hi/Greeter', 'ACTION_FAILED'],
    ] as const) {
      await on.glider(['deploy', join(folder, 'hello.js'), '--name', 'hi'])
      const { code, stderr } = await on.try(['action', 'create', '/action', definition])
      expect(code).toBe(1)
      expect(stderr).toMatch(new RegExp(`^glider: ${error}: [^\\n]+\\n$`))
      expect((await on.try(['stat', '/action'])).stderr).toContain('NOT_FOUND')
    }
  })

  it('tells in one line why a bundle or a call is refused', async () => {
    expect((await on.try(['deploy', join(folder, 'missing.ts')])).stderr).toMatch(/^glider: NOT_FOUND: [^\n]+\n$/)
    expect((await on.try(['deploy', join(folder, 'broken.ts')])).stderr).toMatch(
      /^glider: INVALID_ARGUMENT: [^\n]*broken\.ts:1:[^\n]+\n$/,
    )
    await on.glider(['mkdir', '/directory'])
    expect((await on.try(['action', 'call', '/directory', 'size'])).stderr).toMatch(/^glider: TYPE_MISMATCH: [^\n]+\n$/)
    expect((await on.try(['action', 'read', '/missing'])).stderr).toMatch(/^glider: NOT_FOUND: [^\n]+\n$/)
  })
})
