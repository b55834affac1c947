import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundle } from './bundle.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'glider-bundle-'))
})
afterAll(() => rm(folder, { recursive: true }))

test.each(['README.md', 'data.json', 'style.css', 'words.v2'])('%s is refused by its name, whatever is in it', async name => {
  const file = path.join(folder, name)
  await writeFile(file, '{}')
  const message = expect.stringMatching(/:1:1: it is neither TypeScript nor JavaScript/)
  await expect(bundle(file)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message })
})

test.each(['a.ts', 'a.mts', 'a.js', 'a.cjs', 'a.jsx', 'a'])('%s is a module', async name => {
  const file = path.join(folder, name)
  await writeFile(file, 'export const one = 1\n')
  expect((await bundle(file)).toString()).toContain('one = 1')
})
