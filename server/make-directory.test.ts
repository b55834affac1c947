import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeDirectory } from './make-directory.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'glider-test-'))
})

afterEach(() => rm(folder, { recursive: true }))

describe('a directory', () => {
  test('is made with those above it, and may be there already', async () => {
    const deep = path.join(folder, 'a', 'b', 'c')
    await makeDirectory(deep, 0o700)
    await makeDirectory(deep, 0o700)
    expect((await stat(deep)).isDirectory()).toBe(true)
    expect((await stat(deep)).mode & 0o777).toBe(0o700)
  })

  test('is none where a file is there, or above it', async () => {
    await writeFile(path.join(folder, 'file'), '')
    await expect(makeDirectory(path.join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(makeDirectory(path.join(folder, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' })
  })

  test.runIf(process.platform === 'linux')('is refused, and not tried for ever, where nobody can make one', async () => {
    await expect(makeDirectory('/proc/glider-test')).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(makeDirectory('/proc/glider-test/below')).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
