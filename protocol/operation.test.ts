import Type from 'typebox'
import { describe, expect, test } from 'vitest'
import { catalogue, operationByCode } from './catalogue.ts'
import { defineOperation } from './operation.ts'

describe('the head of an operation', () => {
  test.each<[string, unknown, string]>([
    ['a field that is not there', { type: 'file' }, 'create: '],
    ['a field of another type', { path: 5, type: 'file' }, 'create: path must be string'],
    ['a value that is not one of its own', { path: '/a', type: 'folder' }, 'create: type '],
    ['an unknown field', { path: '/a', type: 'file', colour: 'red' }, 'create: unknown field colour'],
    ['a number out of range', { path: '/a', type: 'file', ttlMs: 0 }, 'create: ttlMs must be >= 1'],
    ['no object', 'text', 'create: the value must be object'],
    ['null', null, 'create: the value must be object'],
    ['a list', [], 'create: '],
  ])('with %s is INVALID_ARGUMENT, naming operation and field', (_what, head, message) => {
    expect(() => catalogue.create.parseHead(head)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    )
  })

  test('says in words what a text has to be like', () => {
    const told = 'createNamespace: name must be 1 to 63 small letters, digits and -, not - first'
    const head = { name: 'Foo_Bar', tokenHash: 'a'.repeat(64) }
    expect(() => catalogue.createNamespace.parseHead(head)).toThrow(told)
  })

  test('names a field inside another by its way there', () => {
    expect(() =>
      catalogue.freeBlocks.parseHead({
        blocks: [
          [0, 1, 1],
          [0, -1, 1],
        ],
      }),
    ).toThrow(/freeBlocks: blocks\.1\.1 /)
  })

  test('carries a sequence number where the operation changes something, and nowhere else', () => {
    expect(catalogue.create.parseHead({ path: '/a', type: 'file', sequence: 1, acknowledged: 0 })).toMatchObject({ sequence: 1 })
    expect(() => catalogue.lookup.parseHead({ path: '/a', sequence: 1 })).toThrow('unknown field sequence')
    for (const operation of Object.values(catalogue)) {
      expect(JSON.stringify(operation.headSchema).includes('"sequence"')).toBe(operation.changes)
    }
  })
})

test('an answer that makes no sense is a PROTOCOL_ERROR, naming operation and field', () => {
  expect(() => catalogue.exists.parseAnswer({ exists: 'yes' })).toThrow(
    expect.objectContaining({ code: 'PROTOCOL_ERROR', message: 'answer to exists: exists must be boolean' }),
  )
})

test('an answer may have fields that this version does not know', () => {
  expect(catalogue.exists.parseAnswer({ exists: true, since: 5 })).toMatchObject({ exists: true })
})

test('every operation has a name, a number of its own and a sentence', () => {
  const codes = new Set<number>()
  for (const [name, operation] of Object.entries(catalogue)) {
    expect(operation.name).toBe(name)
    expect(operation.code).toBeGreaterThan(0)
    expect(operation.code).toBeLessThan(65_536)
    expect(operation.summary).toMatch(/\.$|[;:]/)
    expect(operationByCode(operation.code)).toBe(operation)
    codes.add(operation.code)
  }
  expect(codes.size).toBe(Object.keys(catalogue).length)
  expect(operationByCode(999)).toBeUndefined()
})

test('a definition has sensible defaults', () => {
  const plain = defineOperation('plain', {
    code: 1,
    server: 'storage',
    summary: 'x.',
    head: Type.Object({}),
    answer: Type.Object({}),
  })
  expect(plain).toMatchObject({ changes: false, bytes: 'none', internal: false })
})
