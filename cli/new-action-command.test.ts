import { readdir } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { runCommand } from './command.test.helper.ts'

it.each(['', 'Upper', 'a/b', '../up', 'a b', '1st', 'a--b', 'end-', 'ä', 'x'.repeat(65), 'std', 'action', 'map'])(
  'new-action refuses %j as a name, and makes nothing',
  async name => {
    const before = await readdir('.')
    const { code, stderr } = await runCommand(['new-action', name])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^glider: INVALID_ARGUMENT: [^\n]+\n$/)
    expect(await readdir('.')).toEqual(before)
  },
)
