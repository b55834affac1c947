import { access, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Block, commandsOf, PageRunner, readDocument, root, typeCheck } from './support/document.ts'

const readme = await readDocument('README.md')
const files = readme.filter(block => block.file !== undefined)

describe('README.md', () => {
  let runner: PageRunner

  beforeAll(async () => {
    runner = await PageRunner.open()
  })

  afterAll(async () => {
    await runner[Symbol.asyncDispose]()
  })

  test('has nothing that is not run here but the two commands for a fresh machine', () => {
    const others = readme.filter(({ language, file }) => language !== 'console' && file === undefined)
    expect(others.map(({ text }) => text)).toEqual(['npm ci && npm run demo\n', 'npm ci && npm test\n'])
  })

  test('does what it says, from its first line to its last', { timeout: 120_000 }, async () => {
    let stop: (() => Promise<void>) | undefined
    for (const block of readme) {
      await runner.save(block)
      for (const command of block.language === 'console' ? commandsOf(block) : []) {
        if (command.command === 'npx glider up') stop = await runner.up(command)
        else await runner.run(command)
      }
    }
    await stop?.()
    // Ctrl-C has stopped the servers as well.
    await expect(fetch(`${runner.address}/healthz`)).rejects.toThrow('fetch failed')
  })

  test('has files that the compiler finds nothing wrong with', async () => {
    for (const block of files) await runner.save(block)
    const complaint = await typeCheck(
      runner.folder,
      files.map(({ file }) => file!),
    )
    expect(complaint).toBe('')
  })

  test('has a demo that ends well', { timeout: 120_000 }, async () => {
    const [demo] = readme.filter(({ text }: Block) => text.includes('npm run demo'))
    const command = `${demo!.text.trim().replace('npm ci && ', '')} --silent -- --size 4MiB --json 2>/dev/null`
    await runner.run({ command, output: '{"verified":true,…}\n', line: demo!.line }, root)
  })

  test('links to files that are there', async () => {
    const text = await readFile(path.join(root, 'README.md'), 'utf8')
    for (const [, target] of text.matchAll(/\]\(([^)#]+)\)/g)) await access(path.join(root, target!))
  })
})
