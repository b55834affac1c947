import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from './support/shared-cluster.ts'

const run = promisify(execFile)
const root = path.join(import.meta.dirname, '..', '..')

const program = `
import { StoreClient, GliderError, type FileNode, type ListEntry } from 'glider'
import { Action, type ActionInput, type ActionOutput } from 'glider/action'
import { runAction } from 'glider/action/testing'
import { LocalCluster } from 'glider/cluster'

export class Shout extends Action<{ mark: string }> {
  static override calls = ['size']
  #text = ''
  override async onWrite(input: ActionInput): Promise<void> { this.#text += (await input.text()).toUpperCase() + this.params.mark }
  override async onRead(output: ActionOutput): Promise<void> { await output.write(this.#text) }
  size(): number { return this.#text.length }
}

export async function main(): Promise<string[]> {
  await using cluster = await LocalCluster.start({ inProcess: true, threads: 1 })
  await using store: StoreClient = await StoreClient.connect(cluster.address)
  const file: FileNode = await store.create('/a/b', 'file', { parents: true })
  await store.put('/a/b', 'bytes')
  const entries: ListEntry[] = []
  for await (const entry of store.list('/a')) entries.push(entry)
  const bundle = await store.deploy(import.meta.filename.replace(/\\.js$/, '.ts'), { name: 'shout' })
  const node = await store.create('/shout', 'action')
  await node.create('shout/Shout', { params: { mark: '!' } })
  const writer = await node.openWriter()
  await writer.write(Buffer.from('loud'))
  await writer.close()
  const code: string = await store.get('/missing').then(() => 'none', (error: unknown) => (error as GliderError).code)
  // @ts-expect-error: there is no such type of node
  await store.create('/x', 'folder').catch(() => undefined)
  return [file.path, entries[0]!.name, bundle.classes[0]!.name, String(await node.call('size')), code, typeof runAction]
}
`

const start = "import { main } from './program.js'\nconsole.log(JSON.stringify(await main()))\n"

describe('the tarball of npm pack', () => {
  it('gives an empty project the command, the imports and their types', { timeout: 120_000 }, async () => {
    await using folder = await temporaryFolder()
    const modules = path.join(folder.path, 'node_modules')
    await mkdir(path.join(modules, 'glider'), { recursive: true })
    // Without the scripts: the build that is being tested is the one that is packed.
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder.path], { cwd: root })
    const tarball = (await readdir(folder.path)).find(name => name.endsWith('.tgz'))!
    await run('tar', ['-xzf', path.join(folder.path, tarball), '-C', path.join(modules, 'glider'), '--strip-components=1'])
    for (const name of await readdir(path.join(root, 'node_modules'))) {
      if (name !== 'glider' && name !== '.bin') await symlink(path.join(root, 'node_modules', name), path.join(modules, name))
    }
    const packed = await readdir(path.join(modules, 'glider'), { recursive: true })
    expect(packed.filter(name => /\.test\.|\.map$|tsbuildinfo|^dist\/(test|bench)\//.test(name))).toEqual([])

    await writeFile(path.join(folder.path, 'package.json'), '{ "type": "module" }')
    await writeFile(path.join(folder.path, 'program.ts'), program)
    await writeFile(path.join(folder.path, 'start.js'), start)
    const options = { strict: true, module: 'nodenext', target: 'es2022', lib: ['es2023', 'esnext.disposable'], types: ['node'] }
    await writeFile(path.join(folder.path, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['program.ts'] }))
    const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    await run(process.execPath, [tsc, '-p', folder.path]).catch((error: { stdout: string }) => {
      throw new Error(error.stdout)
    })
    const { stdout } = await run(process.execPath, [path.join(folder.path, 'start.js')])
    expect(JSON.parse(stdout)).toEqual(['/a/b', 'b', 'Shout', '5', 'NOT_FOUND', 'function'])

    const manifest = JSON.parse(await readFile(path.join(modules, 'glider', 'package.json'), 'utf8')) as {
      bin: { glider: string }
      version: string
    }
    const command = path.join(modules, 'glider', manifest.bin.glider)
    const { stdout: version } = await run(process.execPath, [command, '--version'])
    expect(version).toContain(manifest.version)
  })

  it('offers nothing but its public names', async () => {
    for (const inner of ['glider/dist/protocol/frame.js', 'glider/client', 'glider/protocol']) {
      expect(() => import.meta.resolve(inner)).toThrow(/not exported|not defined by/)
    }
  })
})
