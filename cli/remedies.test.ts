import { expect, it } from 'vitest'
import { GliderError } from '../client/index.ts'
import { remedies } from '../client/remedies.ts'
import { failureOf } from './failure.ts'

it.each([
  ['token', '--token-file'],
  ['parents', '-p'],
  ['recursive', '-r'],
  ['ifExists', 'delete it first'],
  ['replace', '--replace'],
  ['force', '--force'],
  ['forceLoss', '--force'],
] as const)('a failure whose remedy is %s names what the command has for it', (name, flag) => {
  const { message } = failureOf(new GliderError('NOT_FOUND', `/a is so and so: delete it, or ${remedies[name]}`))
  expect(message).toContain(`/a is so and so: delete it, or `)
  expect(message).toContain(flag)
  expect(message.endsWith(remedies[name])).toBe(false)
})

it('a failure that only speaks of what is a remedy elsewhere is left as it is', () => {
  const message = `${remedies.recursive} is no path`
  expect(failureOf(new GliderError('INVALID_PATH', message)).message).toBe(message)
})
