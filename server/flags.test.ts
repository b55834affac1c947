import { expect, test } from 'vitest'
import { classesFlag, sizeWithinFlag } from './flags.ts'

test.each(['3', '4095', '2GiB', '3 apples'])('a size beyond what makes sense is refused: %s', text => {
  const parse = sizeWithinFlag(4 << 10, 1 << 30)
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'commander.invalidArgument' }))
  expect([parse('4KiB'), parse('1GiB')]).toEqual([4 << 10, 1 << 30])
})

test('a size that only has a least one is told it', () => {
  expect(() => sizeWithinFlag(32 << 20)('1KiB')).toThrow(/"1KiB".*at least 32\.0 MiB/)
})

test.each(['', 'dram,,disk', 'x y', '-dram', 'a/b', 'x'.repeat(64)])('classes that cannot be called so are refused: %j', text => {
  expect(() => classesFlag(text)).toThrow('is no name of a storage class')
})

test('classes are separated by commas, with or without a space', () => {
  expect(classesFlag('dram, nvme-2,Cold.1')).toEqual(['dram', 'nvme-2', 'Cold.1'])
})
