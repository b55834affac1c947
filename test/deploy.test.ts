import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { BundleInfo } from 'glider'
import { describe, expect, it } from 'vitest'
import { failureOf } from './support/failure.ts'
import { deploySource, itLeavesNothing, makeAction, shareCluster, temporaryFolder } from './support/shared-cluster.ts'

const shared = shareCluster({ storageServers: 0, slots: 8, threads: 1 })

/** Deploys the first of some files, which lie in a folder outside of the package. */
async function deployFiles(files: Readonly<Record<string, string>>, name?: string): Promise<BundleInfo> {
  await using folder = await temporaryFolder()
  for (const [file, source] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder.path, file)), { recursive: true })
    await writeFile(path.join(folder.path, file), source)
  }
  const packages = path.join(import.meta.dirname, '..', '..', 'node_modules')
  await mkdir(path.join(folder.path, 'node_modules'))
  for (const one of ['nanoid', 'ms']) await symlink(path.join(packages, one), path.join(folder.path, 'node_modules', one))
  return await shared.store.deploy(path.join(folder.path, Object.keys(files)[0]!), name === undefined ? {} : { name })
}

/** What the active server has of bundles. */
async function bundleFiles(): Promise<string[]> {
  const folders = (await readdir(tmpdir())).filter(name => name.startsWith(`glider-bundles-${process.pid}-`))
  const files = await Promise.all(folders.map(folder => readdir(path.join(tmpdir(), folder))))
  return files.flat().sort()
}

const says = (what: string): string =>
  `import { Action } from 'glider/action'\nexport class Says extends Action { static calls = ['say']\n say(): string { return ${what} } }\n`

describe('deploy', () => {
  it('takes TypeScript with relative imports and packages, and tells what it found', async () => {
    const bundle = await deployFiles({
      'tool.ts': `import { Action, type ActionOutput } from 'glider/action'
import { GliderError } from 'glider'
import ms from 'ms'
import { shout } from './lib/shout.ts'
export const notAnAction = 1
export function helper(): void {}
export class Tool extends Action<{ text: string }> {
  static calls = ['say', 'time']
  readonly #text: string = this.params.text
  say(): string { return shout(this.#text) }
  time(): number { return ms('2 days') + (new GliderError('BUSY', 'x').retryable ? 1 : 0) }
  async onRead(output: ActionOutput): Promise<void> { await output.write(this.say()) }
}
export class Other extends Action {}
`,
      'lib/shout.ts': 'export const shout = (text: string): string => text.toUpperCase()\n',
    })
    expect(bundle).toMatchObject({ name: 'tool', version: expect.any(String) })
    expect([...bundle.classes].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'Other', calls: [] },
      { name: 'Tool', calls: ['say', 'time'] },
    ])
    expect(await shared.store.definitions()).toContainEqual(bundle)
    const node = await makeAction(shared.store, '/tool', 'tool/Tool', { params: { text: 'loud' } })
    expect(await node.call('say')).toBe('LOUD')
    expect(await node.call('time')).toBe(172_800_001)
    await shared.store.delete('/tool')
  })

  it('takes JavaScript and a default export, under a name of its own', async () => {
    const source = `import { Action } from 'glider/action'\nexport default class Plain extends Action { static calls = ['x']; x() { return 'x' } }\n`
    const bundle = await deployFiles({ 'plain.mjs': source }, 'renamed')
    expect(bundle).toMatchObject({ name: 'renamed', classes: [{ name: 'Plain', calls: ['x'] }] })
    const node = await makeAction(shared.store, '/plain', 'renamed/Plain')
    expect(await node.call('x')).toBe('x')
    await shared.store.delete('/plain')
  })

  const action = "import { Action } from 'glider/action'\n"
  /** By what is wrong with it: the sources, the first of which is deployed, and what the refusal says after the folder. */
  const broken: Record<string, { source: string; lib?: string; says: RegExp }> = {
    'a syntax error': { source: 'export class A {\n  method( {\n}\n', says: /^broken\.ts:\d+:\d+: / },
    'a syntax error in what it imports': {
      source: "import { x } from './lib/x.ts'\nexport const y = x\n",
      lib: 'export const x =\n  1 +\n  * 2\n',
      says: /^lib\/x\.ts:3:3: .*\*/,
    },
    'an import that is not there': {
      source: "\nimport { x } from 'not-installed-anywhere'\nexport const y = x\n",
      says: /^broken\.ts:2:19: .*not-installed-anywhere/,
    },
    'a relative import that is not there': {
      source: "import { x } from './missing.ts'\nexport const y = x\n",
      says: /^broken\.ts:1:19: .*missing/,
    },
    'an import of a name that is not there': {
      source: `${action}import { x, z } from './lib/x.ts'\nexport class A extends Action { x = x + z }\n`,
      lib: 'export const x = 1\n',
      says: /^broken\.ts:2:13: .*"z"/,
    },
    'an import of a name that glider does not have': {
      source: `${action}\nimport { GliderError, nonsense } from 'glider'\nexport class A extends Action { x = [GliderError, nonsense] }\n`,
      says: /^broken\.ts:3:1: .*glider has no export named 'nonsense': where it is a type/,
    },
    'an import of what glider does not offer': {
      source: `${action}\n\nimport { x } from 'glider/inside'\nexport class A extends Action { x = x }\n`,
      says: /^broken\.ts:4:1: .*there is no glider\/inside: actions import from glider\/action, and from glider$/,
    },
    'an Action from the wrong place': {
      source: "import { Action } from 'glider'\nexport class A extends Action {}\n",
      says: /^broken\.ts:1:1: .*glider has no export named 'Action': import it from glider\/action$/,
    },
    'an import of what Node does not have': {
      source: `${action}\nimport nothing from 'node:nothing'\nexport class A extends Action { x = nothing }\n`,
      says: /^broken\.ts:3:1: .*node:nothing/,
    },
    'a getter that throws': {
      source: `${action}export class A extends Action {\n  static get calls(): string[] {\n    throw new Error('not so')\n  }\n}\n`,
      says: /^broken\.ts:4:11: not so$/,
    },
    'an import that is known only when it is loaded, and not there': {
      source: `${action}import { name } from './lib/x.ts'\nexport class A extends Action {}\nawait import(name)\n`,
      lib: "export const name = 'not-installed-anywhere'\n",
      says: /^broken\.ts:4:7: .*not-installed-anywhere/,
    },
    'imports of which several are not there': {
      source: "import { x } from 'not-installed-anywhere'\nimport { y } from './lib/x.ts'\nexport const z = x + y\n",
      lib: "export { y } from './missing.ts'\n",
      says: /^broken\.ts:1:19: .*not-installed-anywhere.*; \S*lib\/x\.ts:1:19: .*missing/,
    },
    'action classes of CommonJS': {
      source: "const { Action } = require('glider/action')\n\nclass A extends Action {}\nmodule.exports = { A }\n",
      says: /^broken\.ts:3:1: A is given by module\.exports.*: export class A extends Action/,
    },
    'no Action': { source: '\nexport class A {}\nexport const x = 1\n', says: /^broken\.ts:1:1: .*extends Action/ },
    'nothing but what others export, and no Action': {
      source: "export { x } from './lib/x.ts'\n",
      lib: 'export const x = 1\n',
      says: /^broken\.ts:1:1: .*extends Action/,
    },
    'a call that names no method': {
      source: `${action}export class Right extends Action {}\nexport class A extends Action {\n  #x = 1\n  static calls = ['missing']\n}\n`,
      says: /^broken\.ts:5:3: .*A.*missing/,
    },
    'a call that names no method, told of its class where that does not say it': {
      source: `${action}export class A extends Action {}\nexport class B extends Action {}\nObject.assign(B, { calls: ['missing'] })\n`,
      says: /^broken\.ts:3:8: .*B.*missing/,
    },
    'a call that names no method, in what it imports': {
      source: "export * from './lib/x.ts'\n",
      lib: `${action}interface Unused { x: 1 }\nclass Base extends Action {\n  static override calls = ['missing']\n}\nexport class A extends Base {}\n`,
      says: /^lib\/x\.ts:4:3: .*A.*missing/,
    },
    'a call that names a hook': {
      source: `${action}export class A extends Action { static calls = ['onRead']\n onRead() {} }\n`,
      says: /^broken\.ts:2:33: .*A.*onRead/,
    },
    'a throw while it is loaded': {
      source: `${action}export class A extends Action {}\n\nthrow new TypeError('at loading')\n`,
      says: /^broken\.ts:4:7: .*TypeError: at loading/,
    },
    'a throw in what it imports': {
      source: `${action}import { x } from './lib/x.ts'\nexport class A extends Action {}\nx()\n`,
      lib: "interface Unused { x: 1 }\nexport function x() {\n  throw new Error('inside')\n}\n",
      says: /^lib\/x\.ts:3:9: .*inside/,
    },
    'a throw of what is no error': {
      source: `${action}export class A extends Action {}\nthrow 'bare'\n`,
      says: /^broken\.ts:1:1: .*'bare'/,
    },
    'an end of its own while it is loaded': {
      source: `${action}export class A extends Action {}\nprocess.exit(0)\n`,
      says: /^broken\.ts:3:9: .*process\.exit/,
    },
  }
  it.each(Object.entries(broken))(
    'of a file with %s is INVALID_ARGUMENT with its place, and registers nothing',
    async (_, { source, lib, says: message }) => {
      const before = [await shared.store.definitions(), await bundleFiles()]
      const sources = { 'src/broken.ts': source, ...(lib !== undefined && { 'src/lib/x.ts': lib }) }
      const failure = await failureOf(deployFiles(sources))
      expect(failure.code).toBe('INVALID_ARGUMENT')
      expect(failure.message).toMatch(/^\/.*\/src\//)
      expect(failure.message.replace(/^.*?\/src\//, '')).toMatch(message)
      expect([await shared.store.definitions(), await bundleFiles()]).toEqual(before)
    },
  )

  it('of more than the limit is refused with file and size before it is sent, and registers nothing', async () => {
    const before = [await shared.store.definitions(), await bundleFiles()]
    const source = `${action}export class A extends Action { x = "${'x'.repeat(16 << 20)}" }\n`
    const connection = shared.store.counters()
    const failure = await failureOf(deployFiles({ 'large.ts': source }))
    expect(failure.code).toBe('INVALID_ARGUMENT')
    expect(failure.message).toMatch(/\/large\.ts:1:1: .*16777216 bytes, and this has 167\d{5}: /)
    expect(shared.store.counters()).toEqual(connection)
    expect([await shared.store.definitions(), await bundleFiles()]).toEqual(before)
  })

  it('of a file that is not there is NOT_FOUND; a bad or built-in name is refused', async () => {
    const { store } = shared
    expect(await failureOf(store.deploy('/not/there.ts'))).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('/not/there.ts'),
    })
    for (const name of ['std', 'a/b', '', '..']) {
      expect((await failureOf(deployFiles({ 'says.ts': says("'x'") }, name))).code).toBe('INVALID_ARGUMENT')
    }
    expect((await failureOf(store.deploy('/not/there.ts', { signal: AbortSignal.abort() }))).name).toBe('GliderError')
  })

  it('of a folder is an error of the caller', async () => {
    await using folder = await temporaryFolder()
    const failure = await failureOf(shared.store.deploy(folder.path))
    expect(failure).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(folder.path) })
  })

  it('of the same file is the same version; another one serves new objects, while the old ones live on', async () => {
    const { store } = shared
    const first = await deploySource(store, 'says.ts', says("'one'"))
    const old = await makeAction(store, '/old', 'says/Says')
    const second = await deploySource(store, 'says.ts', says("'two'"))
    const fresh = await makeAction(store, '/new', 'says/Says')
    expect(second.version).not.toBe(first.version)
    expect([await old.call('say'), await fresh.call('say')]).toEqual(['one', 'two'])
    expect((await old.stat()).object?.version).toBe(first.version)
    await using folder = await temporaryFolder()
    const file = path.join(folder.path, 'says.ts')
    await writeFile(file, says("'three'"))
    const [a, b] = [await store.deploy(file), await store.deploy(file)]
    expect(a.version).toBe(b.version)
    expect((await store.definitions()).filter(({ name }) => name === 'says')).toEqual([a])
    await old.create('says/Says', { replace: true })
    expect(await old.call('say')).toBe('three')
    await store.delete('/old')
    await store.delete('/new')
  })

  it('of the same sources is the same version, wherever they lie and from wherever they are deployed', async () => {
    const sources = {
      'says.ts': `import { word } from './lib/word.ts'\n${says('word')}`,
      'lib/word.ts': "export const word = 'same'\n",
    }
    const [one, other] = [await deployFiles(sources), await deployFiles(sources, 'other')]
    expect(one.version).toBe(other.version)
    expect(await shared.store.undeploy('other')).toBe(true)
  })

  it('makes bare names that are in two bundles ambiguous; the own one goes before the standard one', async () => {
    const { store } = shared
    await deployFiles({ 'left.ts': says("'left'") }, 'left')
    await deployFiles({ 'right.ts': says("'right'") }, 'right')
    const node = await store.create('/bare', 'action')
    const failure = await failureOf(node.create('Says'))
    expect(failure.code).toBe('INVALID_ARGUMENT')
    expect(failure.message).toMatch(/\w+\/Says or \w+\/Says/)
    const own = `import { Action } from 'glider/action'\nexport class Counter extends Action { static calls = ['mine']\n mine(): number { return 1 } }\n`
    await node.create('Counter')
    expect(await node.call('value')).toEqual({ lines: 0, bytes: 0 })
    await deployFiles({ 'mine.ts': own })
    await node.create('Counter', { replace: true })
    expect(await node.call('mine')).toBe(1)
    await node.create('std/Counter', { replace: true })
    expect(await node.call('value')).toEqual({ lines: 0, bytes: 0 })
    await store.delete('/bare')
  })

  it('is taken back by undeploy, with its code; what was not there is told', async () => {
    const { store } = shared
    const before = await store.definitions()
    await deploySource(store, 'gone.ts', says("'gone'"))
    expect(await store.undeploy('gone')).toBe(true)
    expect(await store.undeploy('gone')).toBe(false)
    expect(await store.definitions()).toEqual(before)
    const node = await store.create('/gone', 'action')
    expect((await failureOf(node.create('gone/Says'))).code).toBe('NOT_FOUND')
    for (const name of ['std', 'a/b', '']) expect((await failureOf(store.undeploy(name))).code).toBe('INVALID_ARGUMENT')
    await store.delete('/gone')
  })

  it('is not taken back while objects live, unless forced: these live on, and new ones cannot be made', async () => {
    const { store } = shared
    await deploySource(store, 'busy.ts', says("'one'"))
    const nodes = [await makeAction(store, '/busy-1', 'busy/Says'), await makeAction(store, '/busy-2', 'busy/Says')]
    await deploySource(store, 'busy.ts', says("'two'"))
    nodes.push(await makeAction(store, '/busy-3', 'busy/Says'))
    const refusal = await failureOf(store.undeploy('busy'))
    expect(refusal).toMatchObject({ code: 'BUSY', message: expect.stringMatching(/busy.*3 objects/) })
    expect(await store.undeploy('busy', { force: true })).toBe(true)
    expect((await store.definitions()).some(({ name }) => name === 'busy')).toBe(false)
    expect(await Promise.all(nodes.map(node => node.call('say')))).toEqual(['one', 'one', 'two'])
    for (const node of nodes) {
      expect((await failureOf(node.create('busy/Says', { replace: true }))).code).toBe('NOT_FOUND')
    }
    expect(await nodes[0]!.call('say')).toBe('one')
    // Deployed again, it is in use as before: the objects have never been anybody else's.
    await deploySource(store, 'busy.ts', says("'three'"))
    expect((await failureOf(store.undeploy('busy'))).message).toContain('3 objects')
    for (const node of nodes) await store.delete(node.path)
    expect(await store.undeploy('busy')).toBe(true)
  })

  it('keeps the lines of the source in stack traces', async () => {
    const { store } = shared
    const source = `import { Action } from 'glider/action'

interface OnlyATypeThatMovesLines {
  readonly a: string
}

function inner(value: OnlyATypeThatMovesLines): never {
  throw new Error(\`from line eight with \${value.a}\`)
}

export class Traced extends Action {
  static calls = ['go']
  go(): void {
    inner({ a: 'x' })
  }
}
`
    await deploySource(store, 'traced.ts', source)
    const node = await makeAction(store, '/traced', 'traced/Traced')
    const failure = await failureOf(node.call('go'))
    expect(failure.stack).toMatch(/at inner \(bundle:traced\.ts:8:9\)/)
    expect(failure.stack).toMatch(/at Traced\.go \(bundle:traced\.ts:14:5\)/)
    await store.delete('/traced')
  })
})

itLeavesNothing(shared)
