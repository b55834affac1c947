import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ErrorCode, errorTable, GliderError, invariant } from './errors.ts'
import { MAX_HEAD_BYTES } from './frame.ts'
import { HandlerTable } from './handlers.ts'
import { encodeError, parseErrorHead } from './heads.ts'
import { connect } from './testing/connections.ts'
import { testOperations } from './testing/operations.ts'

/** What programs may rely on: codes, statuses of the REST face, and whether a retry can help. */
const promised = `
| NOT_FOUND ALREADY_EXISTS NOT_EMPTY TYPE_MISMATCH | 404 409 409 409 | no |
| INVALID_PATH INVALID_ARGUMENT | 400 | no |
| NO_SPACE NO_SLOT QUOTA_EXCEEDED | 507 507 429 | later |
| BUSY | 409 | yes |
| NO_ACTION_OBJECT ACTION_FAILED ACTION_LOST | 409 422 410 | no |
| DATA_LOST BLOCK_GONE | 410 | no |
| UNAUTHENTICATED FORBIDDEN | 401 403 | no |
| UNAVAILABLE TIMEOUT | 503 504 | yes |
| CANCELLED | 499 | no |
| PROTOCOL_ERROR INTERNAL | 400 500 | no |`

test('the table has the codes, statuses and retries that were promised, and no others', () => {
  const rows = promised
    .trim()
    .split('\n')
    .flatMap(line => {
      const [codes, statuses, retry] = line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim().split(' '))
      return codes!.map((code, index) => [code, { status: Number(statuses![index] ?? statuses![0]), retry: retry![0] }])
    })
  const table = Object.entries(errorTable).map(([code, { status, retry }]) => [code, { status, retry }])
  expect(Object.fromEntries(table)).toEqual(Object.fromEntries(rows))
  for (const row of Object.values(errorTable)) expect(row.when).not.toBe('')
})

const codes = Object.keys(errorTable) as ErrorCode[]

describe('an error', () => {
  test.each(codes)('%s is the same on the other side of the wire', async code => {
    const handlers = new HandlerTable()
    handlers.answer(testOperations.echo, () => {
      throw new GliderError(code, `about /a/path: ${code}`, { cause: new Error('stays here'), outcome: 'unknown' })
    })
    const { client } = await connect(handlers)
    const failure: unknown = await client.request(testOperations.echo, { text: '' }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(GliderError)
    const { message, retryable, status, outcome, cause, name } = failure as GliderError
    expect({ code: (failure as GliderError).code, message, outcome, cause, name }).toEqual({
      code,
      message: `about /a/path: ${code}`,
      outcome: 'unknown',
      cause: undefined,
      name: 'GliderError',
    })
    expect([retryable, status]).toEqual([errorTable[code].retry !== 'no', errorTable[code].status])
  })

  test('of an action brings its stack, any other does not', () => {
    const failed = parseErrorHead(encodeError(new GliderError('ACTION_FAILED', 'x')))
    expect(failed.stack).toContain('errors.test')
    expect(encodeError(new GliderError('INTERNAL', 'x')).toString()).toBe('{"code":"INTERNAL","message":"x"}')
  })

  test('of any text fits into the head of a frame', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('\u0001', '"', 'ä', '😀', '\ud800', 'x'),
        fc.integer({ min: 0, max: 100_000 }),
        (letter, times) => {
          const error = new GliderError('ACTION_FAILED', letter.repeat(times))
          const head = encodeError(error)
          expect(head.length).toBeLessThanOrEqual(MAX_HEAD_BYTES)
          expect(parseErrorHead(head).code).toBe('ACTION_FAILED')
        },
      ),
    )
  })

  test.each([
    '',
    'no JSON',
    '[]',
    '{"code":"NOT_FOUND"}',
    '{"code":"NEW_CODE","message":"x"}',
    '{"code":"constructor","message":"x"}',
  ])('that cannot be read is a PROTOCOL_ERROR: %s', head => {
    expect(parseErrorHead(Buffer.from(head)).code).toBe('PROTOCOL_ERROR')
  })

  test('of another kind becomes INTERNAL, or what is asked for, and is kept as the cause', () => {
    const cause = new TypeError('deep down')
    expect(GliderError.from(cause)).toMatchObject({ code: 'INTERNAL', message: 'deep down', cause })
    expect(GliderError.from('text', 'UNAVAILABLE', 'while connecting')).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'while connecting: text',
    })
    const own = new GliderError('BUSY', 'x')
    expect(GliderError.from(own, 'INTERNAL')).toBe(own)
  })

  test('that cannot even be looked at becomes an error all the same', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const speechless = Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('no')
      },
    })
    for (const thrown of [proxy, speechless, Object.create(null)]) {
      expect(GliderError.from(thrown)).toMatchObject({ code: 'INTERNAL', message: 'something that cannot be shown' })
    }
  })
})

test('a broken invariant is a defect of ours', () => {
  expect(() => invariant(false, 'one is one')).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  invariant(true, 'one is one')
})
