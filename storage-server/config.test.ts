import { expect, test } from 'vitest'
import { storageConfig } from './config.ts'

const GIB = 2 ** 30
const common = { host: '127.0.0.1', port: 0, metadata: '127.0.0.1:9060', capacityBytes: 4 * GIB }

test('blocks in memory are no more than there is of it, and those in files may be', () => {
  expect(() => storageConfig(common, {}, 4 * GIB - 1)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/4\.0 GiB is more than the 4\.0 GiB of memory .*--capacity.*--kind disk/),
    }),
  )
  expect(storageConfig(common, {}, 4 * GIB)).toMatchObject({ kind: 'dram', capacityBytes: 4 * GIB })
  expect(storageConfig(common, { kind: 'disk', dataDir: '/blocks' }, GIB)).toMatchObject({ kind: 'disk' })
})

test.each(['', 'active', 'x y'])('no storage server is in the class %j', storageClass => {
  expect(() => storageConfig(common, { storageClass })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})
