import { expect, it } from 'vitest'
import { REMEMBERED_KEYS, StreamKeys } from './keys.ts'
import { TurnScope } from './scope.ts'

it('the keys of streams that completed are remembered up to a bound, and then the oldest is forgotten first', async () => {
  const keys = new StreamKeys()
  const scope = new TurnScope('test')
  const complete = async (key: string, completed = true): Promise<void> => (await keys.begin(key, scope))!(completed)
  await complete('failed', false)
  for (let i = 0; i <= REMEMBERED_KEYS; i++) await complete(`${i}`)
  expect(keys.hasCompleted('failed')).toBe(false)
  expect(keys.hasCompleted('0')).toBe(false)
  expect(keys.hasCompleted('1')).toBe(true)
  expect(keys.hasCompleted(`${REMEMBERED_KEYS}`)).toBe(true)
})
