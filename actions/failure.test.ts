import { expect, test } from 'vitest'
import { actionFailed } from './failure.ts'

test('what Node refused to a confined action is named', () => {
  const thrown = Object.assign(new Error('Access to this API has been restricted'), {
    code: 'ERR_ACCESS_DENIED',
    permission: 'FileSystemRead',
    resource: '/etc/passwd',
  })
  expect(actionFailed('onWrite of /a', thrown).message).toBe(
    'onWrite of /a threw: Access to this API has been restricted (ERR_ACCESS_DENIED FileSystemRead /etc/passwd)',
  )
  expect(actionFailed('onWrite of /a', Object.assign(new Error('x'), { code: 'EIO' })).message).toBe('onWrite of /a threw: x')
})
