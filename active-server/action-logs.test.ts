import { expect, it } from 'vitest'
import { GliderError } from '../protocol/errors.ts'
import { type LogLine, ObjectLog } from './action-logs.ts'

const line = (message: string): LogLine => ({ level: 'info', message, at: 1 })

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const messages: string[] = []
  for await (const text of lines) {
    for (const one of text.trimEnd().split('\n')) messages.push((JSON.parse(one) as LogLine).message)
  }
  return messages
}

const never = new AbortController().signal

it('gives what is kept, and to a follower what comes after it until the object goes', async () => {
  const log = new ObjectLog()
  log.add(line('one'))
  log.add(line('two'))
  const followed = all(log.read(true, never))
  expect(await all(log.read(false, never))).toEqual(['one', 'two'])
  log.add(line('three'))
  log.end()
  expect(await followed).toEqual(['one', 'two', 'three'])
})

it('ends a follower with the error that the object went by', async () => {
  const log = new ObjectLog()
  const followed = all(log.read(true, never))
  log.add(line('last words'))
  log.end(new GliderError('ACTION_LOST', 'it is lost'))
  await expect(followed).rejects.toMatchObject({ code: 'ACTION_LOST' })
})

it('ends for a follower that leaves', async () => {
  const log = new ObjectLog()
  const left = new AbortController()
  const followed = all(log.read(true, left.signal))
  left.abort()
  expect(await followed).toEqual([])
})

it('keeps the last lines, bounded by count and bytes, and tells a slow follower what it missed', async () => {
  const log = new ObjectLog()
  log.add(line('first'))
  const slow = log.read(true, never)
  expect((await slow.next()).value).toContain('first')
  for (let i = 0; i < 1_000; i++) log.add(line(`${i}`))
  expect((await slow.next()).value).toContain('500 lines were logged too fast')
  expect((await all(log.read(false, never))).length).toBe(500)
  for (let i = 0; i < 100; i++) log.add(line('x'.repeat(8 << 10)))
  expect((await all(log.read(false, never))).length).toBeLessThan(33)
  log.end()
  await all(slow)
})
