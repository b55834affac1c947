import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const helper = fileURLToPath(new URL('./parent-process.test.helper.js', import.meta.url))

function said(child: ChildProcess): Promise<string> {
  return text(child.stdout!)
}

test.each(['early', 'late'])('a process hears once that its parent has gone: listening %s', async when => {
  const child = fork(helper, [when], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const words = said(child)
  await once(child, 'message')
  child.disconnect()
  expect(await words).toBe('gone\n')
})

test('one that has no channel to its parent hears nothing', async () => {
  const child = spawn(process.execPath, [helper], { stdio: ['ignore', 'pipe', 'inherit'] })
  expect(await said(child)).toBe('')
})
