import { execFile } from 'node:child_process'
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from './support/document.ts'
import { makeAction, shareCluster, temporaryFolder } from './support/shared-cluster.ts'
import { textOf, writeAll } from './support/streams.ts'

const shared = shareCluster({ storageServers: 0, slots: 2, threads: 1 })
const command = path.join(root, 'dist', 'cli', 'main.js')

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs to its end, with what npm itself would say left out. */
function run(folder: string, program: string, args: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, GLIDER_ADDRESS: shared.cluster.address, npm_config_loglevel: 'error', NO_COLOR: '1' }
  return new Promise(resolve => {
    execFile(program, args, { cwd: folder, env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr })
    })
  })
}

const newAction = (folder: string, name: string): Promise<Outcome> => run(folder, process.execPath, [command, 'new-action', name])

describe('glider new-action', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let project: string
  const npm = (...args: string[]): Promise<Outcome> => run(project, 'npm', args)

  beforeAll(async () => {
    folder = await temporaryFolder()
    project = path.join(folder.path, 'so-many-words')
    expect(await newAction(folder.path, 'so-many-words')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('so-many-words/src/so-many-words.test.ts'),
    })
    // All that it needs is there, so nothing is fetched.
    const installed = await npm('install', '--offline', '--no-audit', '--no-fund')
    expect([installed.code, installed.stderr]).toEqual([0, ''])
  })

  afterAll(async () => {
    await folder[Symbol.asyncDispose]()
  })

  it('makes a project whose test passes, and tells when it does not', async () => {
    const passed = await npm('test')
    expect([passed.code, passed.stderr]).toEqual([0, ''])
    expect(passed.stdout).toMatch(/pass 1\n/)
    const file = path.join(project, 'src', 'so-many-words.test.ts')
    const source = await readFile(file, 'utf8')
    await writeFile(file, source.replace("'two'), 2)", "'two'), 3)"))
    const failed = await npm('test')
    expect(failed.code).toBe(1)
    expect(failed.stdout).toMatch(/fail 1\n/)
    expect(failed.stdout).toMatch(/so-many-words\.test\.ts:10:10/)
    await writeFile(file, `${source}\nconst x = ;\n`)
    const broken = await npm('test')
    expect(broken.code).toBe(1)
    expect(broken.stderr).toMatch(/^glider: INVALID_ARGUMENT: src\/so-many-words\.test\.ts:14:11: [^\n]+\n$/)
    await writeFile(file, source)
    // What was compiled is gone.
    expect((await readdir(project)).filter(name => name.startsWith('.glider-test-'))).toEqual([])
  })

  it('makes a project that is deployed by its script, and does what it says', async () => {
    const deployed = await npm('run', 'deploy')
    expect([deployed.code, deployed.stderr]).toEqual([0, ''])
    expect(deployed.stdout).toContain('so-many-words/SoManyWords  calls: count\n')
    const node = await makeAction(shared.store, '/words', 'so-many-words/SoManyWords')
    await writeAll(node.createWriteStream(), 'so much to count, so much\n')
    expect(await node.call('count', 'much')).toBe(2)
    expect(await textOf(node.createReadStream())).toBe('so 2\nmuch 2\nto 1\ncount 1\n')
    await shared.store.delete('/words')
    await shared.store.undeploy('so-many-words')
  })

  it('makes a project that the compiler finds nothing wrong with', { timeout: 60_000 }, async () => {
    await symlink(path.join(root, 'node_modules', '@types'), path.join(project, 'node_modules', '@types'))
    const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    expect(await run(project, process.execPath, [tsc, '-p', '.', '--pretty', 'false'])).toMatchObject({ code: 0, stdout: '' })
  })

  it('leaves alone what is there', async () => {
    const before = await readFile(path.join(project, 'README.md'), 'utf8')
    await writeFile(path.join(project, 'README.md'), 'mine')
    const refused = await newAction(folder.path, 'so-many-words')
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^glider: ALREADY_EXISTS: [^\n]*so-many-words[^\n]*\n$/),
    })
    expect(await readFile(path.join(project, 'README.md'), 'utf8')).toBe('mine')
    await writeFile(path.join(project, 'README.md'), before)
  })
})
