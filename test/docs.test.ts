import { spawn } from 'node:child_process'
import { access, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorTable } from '../protocol/errors.ts'
import { frameKind } from '../protocol/frame.ts'
import { expectClean } from './support/clean.ts'
import { commandsOf, PageRunner, readDocument, root, typeCheck } from './support/document.ts'

const pages = (await readdir(path.join(root, 'docs'))).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)

describe('the code of the pages in docs/', () => {
  let cluster: LocalCluster

  beforeAll(async () => {
    cluster = await LocalCluster.start({ inProcess: true, logLevel: 'silent' })
  })

  afterAll(async () => {
    const store = await StoreClient.connect(cluster.address)
    await expectClean(store)
    await store.close()
    await cluster.stop()
  })

  test.each(pages)('%s does what it says', { timeout: 120_000 }, async page => {
    await using runner = await PageRunner.open(cluster.address)
    for (const block of await readDocument(page)) {
      await runner.save(block)
      for (const command of block.language === 'console' ? commandsOf(block) : []) await runner.run(command)
    }
  })

  test.each(pages)('%s has TypeScript that the compiler finds nothing wrong with', { timeout: 60_000 }, async page => {
    await using runner = await PageRunner.open(cluster.address)
    const blocks = (await readDocument(page)).filter(({ language }) => language === 'ts')
    const files = blocks.map(block => ({ ...block, file: block.file ?? `line-${block.line}.ts` }))
    for (const block of files) await runner.save(block)
    if (files.length === 0) return
    const complaint = await typeCheck(
      runner.folder,
      files.map(({ file }) => file),
    )
    expect(complaint).toBe('')
  })
})

describe('the pages in docs/', () => {
  test('have the tables that the code makes', async () => {
    const child = spawn(process.execPath, ['scripts/docs.js', '--check'], { cwd: root, stdio: ['ignore', 'inherit', 'pipe'] })
    const complaint = (await child.stderr.setEncoding('utf8').toArray()).join('')
    expect(complaint).toBe('')
  })

  test('have every flag of every server, with its name in the environment', async () => {
    const text = await readFile(path.join(root, 'docs', 'operating.md'), 'utf8')
    for (const server of ['metadata-server', 'storage-server', 'active-server']) {
      const main = path.join(root, 'dist', server, 'main.js')
      const child = spawn(process.execPath, [main, '--help'], { stdio: ['ignore', 'pipe', 'inherit'] })
      const help = (await child.stdout.setEncoding('utf8').toArray()).join('').replaceAll(/\s+/g, ' ')
      const flags = [...help.matchAll(/(--[a-z-]+)(?: <[^>]+>)? (?:(?! --[a-z]).)*?env: (GLIDER_\w+)/g)]
      expect(flags.length).toBeGreaterThan(5)
      for (const [, flag, name] of flags) expect(text).toContain(`| \`${flag}\` | \`${name}\` |`)
    }
  })

  test('say what to do about each error', async () => {
    const text = await readFile(path.join(root, 'docs', 'jobs.md'), 'utf8')
    const section = text.slice(text.indexOf('\n## Errors'), text.indexOf('\n## Limits'))
    const told = [...section.matchAll(/^\| (`[A-Z].*?) \|.*\| (\w+) \|$/gm)].flatMap(([, codes, retry]) =>
      codes!.split(', ').map(code => [code.slice(1, -1), retry]),
    )
    expect(Object.fromEntries(told)).toEqual(
      Object.fromEntries(Object.entries(errorTable).map(([code, { retry }]) => [code, retry])),
    )
  })

  test('have the kinds of frames', async () => {
    const text = await readFile(path.join(root, 'docs', 'protocol.md'), 'utf8')
    const rows = [...text.matchAll(/^\| (\d+) \| `(\w+)` \|.*\|.*\|.*\|$/gm)].map(([, kind, name]) => [name, Number(kind)])
    const kinds = Object.entries(frameKind)
    expect(rows.slice(0, kinds.length)).toEqual(kinds)
  })

  test.each(pages)('%s names files and pages that are there', async page => {
    const text = await readFile(path.join(root, page), 'utf8')
    for (const [, target] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) await access(path.join(root, 'docs', target!))
    for (const [, file] of text.matchAll(/`((?:[\w-]+\/)+[\w.-]+\.(?:ts|js|json|md))`/g)) {
      const places = ['', 'active-server/'].map(folder => path.join(root, folder, file!))
      await Promise.any(places.map(place => access(place)))
    }
  })

  test('say of each dependency what it is for, or that nothing imports it', async () => {
    const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { dependencies: object }
    const imported = await importedPackages()
    const text = await readFile(path.join(root, 'docs', 'architecture.md'), 'utf8')
    const section = text.slice(text.indexOf('## Dependencies'), text.indexOf('## Building'))
    const told = [...section.matchAll(/^\| `([^`]+)` \| (\S+ \S+)/gm)].map(([, name, what]) => [
      name,
      !what!.startsWith('nothing yet'),
    ])
    const used = Object.keys(manifest.dependencies).map(name => [name, imported.has(name)])
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(used))
    expect(told.length).toBe(used.length)
  })
})

/** By what an installed package runs. */
async function importedPackages(): Promise<Set<string>> {
  const { files } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { files: string[] }
  const left = files.filter(entry => entry.startsWith('!')).map(entry => entry.slice(1))
  const imported = new Set<string>()
  for (const name of await readdir(path.join(root, 'dist'), { recursive: true })) {
    const file = path.posix.join('dist', name)
    if (!file.endsWith('.js') || file.includes('.test.') || left.some(entry => file.startsWith(`${entry}/`))) continue
    const source = await readFile(path.join(root, file), 'utf8')
    for (const [, package_] of source.matchAll(/(?:from |import\()'((?:@[\w-]+\/)?[\w-]+)/g)) imported.add(package_!)
  }
  return imported
}
