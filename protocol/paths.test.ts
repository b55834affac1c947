import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GliderError } from './errors.ts'
import { baseName, checkName, joinPath, parentPath, parsePath } from './paths.ts'

/** The rules of the contract, one by one and without wit. */
function naive(path: string): string[] | undefined {
  if (path[0] !== '/') return undefined
  const bytes = (text: string): number => new TextEncoder().encode(text).length
  if (bytes(path) > 4096) return undefined
  if (path === '/') return []
  const parts: string[] = []
  let part = ''
  for (const letter of `${path.slice(1)}/`) {
    if (letter !== '/') {
      part += letter
      continue
    }
    if (part === '' || part === '.' || part === '..') return undefined
    if (bytes(part) > 255) return undefined
    // An unpaired surrogate does not survive UTF-8.
    if (part.includes('\0') || Buffer.from(part).toString() !== part) return undefined
    parts.push(part)
    part = ''
  }
  return parts
}

function parsed(path: string): string[] | string {
  try {
    return parsePath(path)
  } catch (error) {
    return (error as GliderError).code
  }
}

const part = fc.oneof(
  { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 6, unit: 'binary' }) },
  fc.constantFrom(
    '.',
    '..',
    '',
    '...',
    'a\0b',
    '\ud800',
    'a\udc00',
    '😀',
    'ä',
    'a'.repeat(255),
    'a'.repeat(256),
    'ä'.repeat(127),
    'ä'.repeat(128),
  ),
)

describe('a path', () => {
  test('is accepted and refused as the rules say', () => {
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 30 }),
        fc.constantFrom('/', '', '//'),
        fc.constantFrom('', '/'),
        (parts, start, end) => {
          const path = start + parts.join('/') + end
          expect(parsed(path)).toEqual(naive(path) ?? 'INVALID_PATH')
        },
      ),
      { numRuns: 3_000 },
    )
  })

  test('of any letters is accepted and refused as the rules say', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('/', '.', 'a', '\0', '\ud83d', '\ude00'), { maxLength: 12 }), letters => {
        const path = `/${letters.join('')}`
        expect(parsed(path)).toEqual(naive(path) ?? 'INVALID_PATH')
      }),
      { numRuns: 2_000 },
    )
  })

  test('may have 4,096 bytes and not one more', () => {
    const longest = `/${'a'.repeat(255)}`.repeat(16)
    expect(Buffer.byteLength(longest)).toBe(4096)
    expect(parsed(longest)).toHaveLength(16)
    expect(parsed(`${longest.slice(0, -1)}ä`)).toBe('INVALID_PATH')
  })

  test('is taken apart into what it is joined from', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 }), parts => {
        fc.pre(parts.every(one => naive(`/${one}`)?.length === 1))
        const path = parts.reduce(joinPath, '/')
        expect(parsePath(path)).toEqual(parts)
        expect(baseName(path)).toBe(parts.at(-1))
        expect(parsed(parentPath(path))).toEqual(parts.slice(0, -1))
      }),
    )
  })

  test('that is refused is named, cut short where it is long, with what is wrong', () => {
    expect(() => parsePath('a/b')).toThrow('the path "a/b" is not absolute: start it with /')
    expect(() => parsePath('/a/')).toThrow('ends with /')
    expect(() => parsePath('/a//b')).toThrow('has a part that is empty')
    expect(() => parsePath('/a/../b')).toThrow('has a part that is ..')
    expect(() => parsePath(`/${'x'.repeat(5_000)}`)).toThrow(/^.{0,180}$/)
    expect(() => parsePath(7 as never)).toThrow('is not a string')
  })
})

test('a name is one part of a path', () => {
  checkName('key', 'key')
  for (const name of ['a/b', '', '.', '..', 'x'.repeat(256), 'a\0', '\udfff', 5 as never]) {
    expect(() => checkName(name, 'key')).toThrow(
      expect.objectContaining({ code: 'INVALID_PATH', message: expect.stringMatching(/^the key ".*" (is|holds) /) }),
    )
  }
})
