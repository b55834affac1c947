import { expect, test } from 'vitest'
import { GliderError } from '../protocol/errors.ts'
import { checkedOptions } from './connect-options.ts'
import { connectStore } from './store-client.ts'

function complaintOf(options: object): string {
  try {
    checkedOptions(options)
  } catch (error) {
    if (error instanceof GliderError && error.code === 'INVALID_ARGUMENT') return error.message
    throw error
  }
  return 'none'
}

test.each([
  [{ token: 42 }, /token.*number.*string/],
  [{ tlsCa: Buffer.from('-----BEGIN CERTIFICATE-----') }, /tlsCa.*string/],
  [{ tlsCa: '/etc/ssl/ca.pem' }, /tlsCa.*PEM.*readFileSync/],
  [{ timeoutMs: '5s' }, /timeoutMs.*string.*number/],
  [{ spin: 'no' }, /spin.*boolean/],
  [{ tokn: 'x' }, /"tokn".*token/],
  [{ constructor: 'x' }, /"constructor"/],
  [{ token: 'x'.repeat(4097) }, /4097/],
])('an option that makes no sense is refused by its name: %j', (options, words) => {
  expect(complaintOf(options)).toMatch(words)
})

test('what makes sense is taken, and what is undefined is not there', () => {
  const tlsCa = '# ours\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
  expect(complaintOf({ namespace: 'a', token: 'b', tlsCa, timeoutMs: 1, spin: false, operationIds: true })).toBe('none')
  expect(complaintOf({ token: undefined, signal: new AbortController().signal })).toBe('none')
})

test('the end of the line that a token was read with is no part of it', () => {
  expect(checkedOptions({ token: 'secret\n', spin: false })).toEqual({ token: 'secret', spin: false })
})

test('connect asks nobody before its options are right', async () => {
  await expect(connectStore('127.0.0.1:1', { token: 42 } as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})
