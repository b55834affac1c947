import { mkdir, symlink, writeFile } from 'node:fs/promises'
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

  const broken: Record<string, { source: string; says: RegExp }> = {
    'a syntax error': { source: 'export class A {\n  method( {\n}\n', says: /broken\.ts:\d+:\d+/ },
    'an import that is not there': {
      source: "\nimport { x } from 'not-installed-anywhere'\nexport const y = x\n",
      says: /broken\.ts:2.*not-installed-anywhere/s,
    },
    'a relative import that is not there': {
      source: "import { x } from './missing.ts'\nexport const y = x\n",
      says: /broken\.ts:1.*missing/s,
    },
    'no Action': { source: 'export class A {}\nexport const x = 1\n', says: /extends Action/ },
    'a call that names no method': {
      source: "import { Action } from 'glider/action'\nexport class A extends Action { static calls = ['missing'] }\n",
      says: /A.*missing/,
    },
    'a call that names a hook': {
      source:
        "import { Action } from 'glider/action'\nexport class A extends Action { static calls = ['onRead']\n onRead() {} }\n",
      says: /A.*onRead/,
    },
    'a throw while it is loaded': {
      source: "import { Action } from 'glider/action'\nexport class A extends Action {}\n\nthrow new Error('at loading')\n",
      says: /at loading.*broken\.ts:4/s,
    },
    'an end of its own while it is loaded': {
      source: "import { Action } from 'glider/action'\nexport class A extends Action {}\nprocess.exit(0)\n",
      says: /broken|loaded/,
    },
  }
  it.each(Object.entries(broken))(
    'of a file with %s is INVALID_ARGUMENT, and registers nothing',
    async (_, { source, says: message }) => {
      const before = await shared.store.definitions()
      const failure = await failureOf(deployFiles({ 'broken.ts': source }))
      expect(failure.code).toBe('INVALID_ARGUMENT')
      expect(failure.message).toMatch(message)
      expect(await shared.store.definitions()).toEqual(before)
    },
  )

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
    expect((await failureOf(shared.store.deploy(folder.path))).code).toBe('INVALID_ARGUMENT')
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
    expect(failure.stack).toMatch(/traced\.ts:8:/)
    expect(failure.stack).toMatch(/traced\.ts:14:/)
    await store.delete('/traced')
  })
})

itLeavesNothing(shared)
