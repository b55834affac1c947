import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'

const root = path.join(import.meta.dirname, '..', '..')
const linter = path.join(root, 'scripts', 'lint.js')
const configuration = ['package.json', 'tsconfig.json', 'biome.json', '.oxlintrc.json', '.dependency-cruiser.cjs']

interface Verdict {
  readonly passed: boolean
  readonly complaint: string
}

/** Files by name. */
type Sources = Readonly<Record<string, string>>

/** Lints a small tree of its own: the rules of this one, and the given sources. */
async function lint(sources: Sources): Promise<Verdict> {
  const tree = await mkdtemp(path.join(tmpdir(), 'glider-lint-'))
  try {
    for (const file of configuration) await cp(path.join(root, file), path.join(tree, file))
    await symlink(path.join(root, 'node_modules'), path.join(tree, 'node_modules'))
    for (const [name, source] of Object.entries(sources)) {
      await mkdir(path.dirname(path.join(tree, name)), { recursive: true })
      await writeFile(path.join(tree, name), source)
    }
    return await run(tree)
  } finally {
    await rm(tree, { recursive: true, force: true })
  }
}

function run(tree: string): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    let complaint = ''
    const child = spawn(process.execPath, [linter, tree], { stdio: ['ignore', 'inherit', 'pipe'] })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text
    })
    child.on('error', reject).on('close', code => resolve({ passed: code === 0, complaint }))
  })
}

const right: Verdict = { passed: true, complaint: '' }

/** The rules that the linter finds broken in a file. */
function rulesBrokenIn(file: string, complaint: string): string[] {
  const name = file.replaceAll('.', '\\.')
  const patterns = [
    // biome: `FILE format ━━━`, `FILE:1:1 assist/source/organizeImports ━━━`
    `^${name}(?::\\d+:\\d+)? (\\S+) `,
    // oxlint: `FILE:1:1: … [Error/eslint(RULE)]`
    `^${name}:\\d+:\\d+: .*\\[\\w+/\\S+\\((\\S+)\\)\\]$`,
    // dependency-cruiser: `error RULE: FILE → …`
    `error (\\S+): ${name} `,
  ]
  return patterns.flatMap(pattern => [...complaint.matchAll(new RegExp(pattern, 'gm'))].map(match => match[1] ?? ''))
}

/** Have rules of their own, so a case with one of them keeps its name. */
const store = 'actions/store.ts'
const conformance = 'test/conformance/a.ts'
const conformancePackage = 'test/conformance/b.ts'
const keptNames: readonly string[] = [store, conformance, conformancePackage]

/** Lints the cases together, for speed: each has files, folders below the roles, of its own. */
function refuses(cases: readonly (readonly [what: string, rule: string, sources: Sources])[]): void {
  let verdict: Verdict
  const placed = cases.map(([what, rule, sources], index) => {
    const own = Object.entries(sources).map(([name, source]) => [
      keptNames.includes(name) ? name : name.replace('/', `/case-${index}/`),
      source.replaceAll(/'\.\.\/([a-z-]+)\//g, `'../../$1/case-${index}/`),
    ])
    return [what, rule, Object.fromEntries(own) as Sources] as const
  })
  beforeAll(async () => {
    verdict = await lint(Object.assign({}, ...placed.map(([, , sources]) => sources)) as Sources)
    expect(verdict.passed).toBe(false)
  })
  test.each(placed)('%s', (_what, rule, sources) => {
    // The first file of a case is the one that breaks the rule.
    const [file = ''] = Object.keys(sources)
    expect(rulesBrokenIn(file, verdict.complaint)).toContain(rule)
  })
}

describe('a rule of the house refuses', () => {
  const b = 'export const b = 1\n'
  const imports = (from: string): string => `import { b } from '${from}'\n\nexport const a = b\n`

  refuses([
    ['an import up', 'house-protocol', { 'protocol/a.ts': imports('../server/b.ts'), 'server/b.ts': b }],
    [
      'an import across',
      'house-storage-server',
      { 'storage-server/a.ts': imports('../metadata-server/b.ts'), 'metadata-server/b.ts': b },
    ],
    ['an import past a floor', 'house-cli', { 'cli/a.ts': imports('../protocol/b.ts'), 'protocol/b.ts': b }],
    ['an import of test/', 'house-bench', { 'bench/a.ts': imports('../test/b.ts'), 'test/b.ts': b }],
    [
      'an import up of a type',
      'house-actions',
      { 'actions/a.ts': "export type { B } from '../client/b.ts'\n", 'client/b.ts': 'export type B = number\n' },
    ],
    ['an import up from a unit test', 'house-protocol', { 'protocol/a.test.ts': imports('../server/b.ts'), 'server/b.ts': b }],
    [
      'an import up in a file with syntax younger than the parser',
      'house-protocol',
      {
        'protocol/a.ts':
          "import { open } from '../server/b.ts'\n\nexport async function a(): Promise<void> {\n  await using file = open()\n  file.read()\n}\n",
        'server/b.ts': 'export declare function open(): AsyncDisposable & { read(): void }\n',
      },
    ],
    [
      'a circle',
      'no-circle',
      {
        'protocol/a.ts': "import { b } from './b.ts'\n\nexport const a = (): number => b()\n",
        'protocol/b.ts': "import { a } from './a.ts'\n\nexport const b = (): number => a()\n",
      },
    ],
    [
      'a circle of types',
      'no-circle',
      {
        'protocol/a.ts': "import type { B } from './b.ts'\n\nexport type A = B | 1\n",
        'protocol/b.ts': "import type { A } from './a.ts'\n\nexport type B = A[]\n",
      },
    ],
    [
      'more than the types of the actions in the client',
      'types-of-actions',
      { 'client/a.ts': imports('../actions/b.ts'), 'actions/b.ts': b },
    ],
    ['values in actions/store.ts', 'types-in-store', { 'actions/a.ts': imports('../store.ts'), [store]: b }],
    [
      'more than the public names in the conformance suite',
      'conformance-by-name',
      { [conformance]: imports('../protocol/b.ts'), 'protocol/b.ts': b },
    ],
    [
      'a package in the conformance suite',
      'conformance-by-name',
      { [conformancePackage]: "export { default as a } from 'fast-check'\n" },
    ],
    ['a development package in a source', 'dev-package', { 'protocol/a.ts': "export { test as a } from 'vitest'\n" }],
    [
      'a package that package.json does not name',
      'declared-package',
      { 'protocol/a.ts': "export { default as a } from 'vite'\n" },
    ],
    ['a file that is not there', 'resolvable', { 'protocol/a.ts': imports('./b.ts') }],
  ])

  test('but not an import along its arrows', async () => {
    const sources = {
      'protocol/b.ts': 'export const b = 1\nexport type B = number\n',
      'protocol/b.test.ts':
        "import { expect, test } from 'vitest'\nimport { b } from './b.ts'\n\ntest('b', () => expect(b).toBe(1))\n",
      'actions/b.ts': "export type { B } from '../protocol/b.ts'\nexport const c = 1\n",
      'client/a.ts': "import type { B } from '../actions/b.ts'\nimport { b } from '../protocol/b.ts'\n\nexport const a: B = b\n",
      'test/conformance/a.ts':
        "import { randomUUID } from 'node:crypto'\nimport { expect } from 'vitest'\nimport { b } from './b.ts'\n\nexport const a = (): void => expect(randomUUID()).toBe(b)\n",
      'test/conformance/b.ts': 'export const b = 1\n',
      'test/a.ts': "export { c } from '../actions/b.ts'\nexport { a } from '../client/a.ts'\n",
    }
    expect(await lint(sources)).toEqual(right)
  })
})

const system: readonly (readonly [what: string, rule: string, source: string])[] = [
  ['Date', 'no-restricted-globals', 'export const a = Date.now()\n'],
  ['Date as an object', 'no-restricted-globals', 'export const a = new Date()\n'],
  ['Date by way of globalThis', 'no-restricted-globals', 'export const a = globalThis.Date.now()\n'],
  ['performance', 'no-restricted-globals', 'export const a = performance.now()\n'],
  ['setTimeout', 'no-restricted-globals', 'export const a = setTimeout(() => undefined, 1)\n'],
  ['setInterval', 'no-restricted-globals', 'export const a = setInterval(() => undefined, 1)\n'],
  ['setImmediate', 'no-restricted-globals', 'export const a = setImmediate(() => undefined)\n'],
  ['timers by import', 'no-restricted-imports', "export { setTimeout as sleep } from 'node:timers/promises'\n"],
  ['AbortSignal.timeout', 'no-restricted-properties', 'export const a = AbortSignal.timeout(1)\n'],
  ['Math.random', 'no-restricted-properties', 'export const a = Math.random()\n'],
  ['Math.random taken out', 'no-restricted-properties', 'export const { random } = Math\n'],
  ['randomBytes', 'no-restricted-imports', "import { randomBytes } from 'node:crypto'\n\nexport const a = randomBytes(1)\n"],
  ['randomUUID', 'no-restricted-imports', "import { randomUUID } from 'node:crypto'\n\nexport const a = randomUUID()\n"],
  [
    'randomInt by way of the whole module',
    'no-restricted-imports',
    "import * as crypto from 'node:crypto'\n\nexport const a = crypto.randomInt(2)\n",
  ],
  ['getRandomValues', 'no-restricted-globals', 'export const a = crypto.getRandomValues(new Uint8Array(1))\n'],
  ['node:net', 'no-restricted-imports', "import { connect } from 'node:net'\n\nexport const a = connect(1)\n"],
  ['node:net when needed', 'no-restricted-imports', "export const a = import('node:net')\n"],
  ['node:tls', 'no-restricted-imports', "import { connect } from 'node:tls'\n\nexport const a = connect(1)\n"],
  ['node:dgram', 'no-restricted-imports', "import { createSocket } from 'node:dgram'\n\nexport const a = createSocket('udp4')\n"],
]

describe('only *.system.ts has', () => {
  refuses(system.map(([what, rule, source]) => [what, rule, { 'server/a.ts': source }]))

  test('all of it', async () => {
    const sources = system.map(([, , source], index) => [`server/a-${index}.system.ts`, source])
    expect(await lint(Object.fromEntries(sources) as Sources)).toEqual(right)
  })

  test('while a hash and the type of a date are for all', async () => {
    const source = "export { createHmac } from 'node:crypto'\n\nexport interface Born {\n  readonly at: Date\n}\n"
    expect(await lint({ 'server/a.ts': source })).toEqual(right)
  })
})

describe('the linter refuses', () => {
  const cases: readonly (readonly [rule: string, source: string])[] = [
    ['no-floating-promises', 'export function a(b: () => Promise<void>): void {\n  b()\n}\n'],
    [
      'no-misused-promises',
      "import type { EventEmitter } from 'node:events'\n\nexport function a(b: EventEmitter, c: () => Promise<void>): void {\n  b.on('c', async () => c())\n}\n",
    ],
    ['no-explicit-any', 'export const a: any = 1\n'],
    ['no-empty', 'export function a(b: () => void): void {\n  try {\n    b()\n  } catch {}\n}\n'],
    ['no-unused-vars', 'export function a(): void {\n  const b = 1\n}\n'],
    ['eqeqeq', 'export const a = (b: unknown): boolean => b == 1\n'],
    ['consistent-type-imports', "import { EventEmitter } from 'node:events'\n\nexport type A = EventEmitter\n"],
    [
      'switch-exhaustiveness-check',
      "export function a(b: 'c' | 'd'): void {\n  switch (b) {\n    case 'c':\n      break\n  }\n}\n",
    ],
    ['no-default-export', 'export default 1\n'],
    ['format', 'export const a = "b";\n'],
    ['assist/source/organizeImports', "export { constants } from 'node:fs'\nexport { isIP } from 'node:dns'\n"],
  ]
  refuses([
    ...cases.map(([rule, source]) => [rule, rule, { 'protocol/a.ts': source }] as const),
    [
      'a test that sleeps',
      'no-restricted-globals',
      { 'protocol/a.test.ts': 'await new Promise(resolve => setTimeout(resolve, 50))\n\nexport {}\n' },
    ],
  ])

  test('a tree of which it reads nothing', async () => {
    expect((await lint({ 'docs/a.md': 'no sources' })).passed).toBe(false)
  })
})
