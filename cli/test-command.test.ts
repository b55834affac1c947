import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runCommand } from './command.test.helper.ts'

it('test says which file is not there, and which is none, and makes nothing', async () => {
  const before = await readdir('.')
  expect(await runCommand(['test', 'not-there.test.ts'])).toMatchObject({
    code: 1,
    stderr: 'glider: NOT_FOUND: there is no file not-there.test.ts to test: check its path\n',
  })
  expect((await runCommand(['test', '.'])).stderr).toMatch(/^glider: INVALID_ARGUMENT: \. is no file: [^\n]+\n$/)
  expect(await readdir('.')).toEqual(before)
})

it('test names every import that is not there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'glider-cli-'))
  try {
    const file = join(folder, 'bad.test.ts')
    await writeFile(file, "import { x } from './one.ts'\nimport { y } from './two.ts'\nexport const z = [x, y]\n")
    const { code, stderr } = await runCommand(['test', file])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^glider: INVALID_ARGUMENT: \S*bad\.test\.ts:1:19: .*one\.ts.*; \S*bad\.test\.ts:2:19: .*two\.ts[^\n]*\n$/,
    )
  } finally {
    await rm(folder, { recursive: true })
  }
})
