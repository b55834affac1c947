import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Corpus, loadText } from './corpus.ts'

function textOf(corpus: Corpus, parts = 1): string[] {
  return corpus.parts(parts).map(part => Buffer.concat(part).toString('latin1'))
}

describe('a corpus', () => {
  it('is whole lines of the text up to its size, and its parts end to end', () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\r'), maxLength: 12 })
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 8 }),
        fc.nat(400),
        fc.integer({ min: 1, max: 9 }),
        (lines, extra, count) => {
          const text = lines.join('\n')
          fc.pre(text.length > 0)
          const normal = lines.map(each => each.replace(/\r+$/, ''))
          const size = normal[0]!.length + 1 + extra
          const corpus = new Corpus(Buffer.from(text), size)
          const [whole] = textOf(corpus)
          const parts = textOf(corpus, count)
          expect(parts).toHaveLength(count)
          expect(parts.join('')).toBe(whole)
          expect(whole).toHaveLength(corpus.bytes)
          expect(corpus.bytes).toBeLessThanOrEqual(size)
          expect(size - corpus.bytes).toBeLessThanOrEqual(Math.max(...normal.map(each => each.length)))
          for (const part of parts) expect(part === '' || part.endsWith('\n')).toBe(true)
          for (const each of whole!.split('\n').slice(0, -1)) expect([...normal, '']).toContain(each)
        },
      ),
    )
  })

  it('begins each copy at another line', () => {
    const lines = Array.from({ length: 10 }, (_, at) => `line ${at}\n`)
    const corpus = new Corpus(Buffer.from(lines.join('')), 5 * 70)
    const copies = textOf(corpus)[0]!.match(/(?:.*\n){10}/g)!
    expect(copies).toHaveLength(5)
    expect(new Set(copies.map(copy => copy.slice(0, 6))).size).toBe(5)
    for (const copy of copies) expect(copy.split('\n').slice(0, -1).sort()).toEqual(lines.map(line => line.trim()))
  })

  it('is cut into parts of about the same size', () => {
    const corpus = new Corpus(Buffer.from('some words of a line\n'.repeat(50)), 10_000)
    for (const part of textOf(corpus, 4)) expect(Math.abs(part.length - 2500)).toBeLessThanOrEqual(42)
  })

  it('leaves parts empty where there are more of them than lines', () => {
    const corpus = new Corpus(Buffer.from('one\r\ntwo'), 8)
    const parts = textOf(corpus, 5)
    expect(parts.filter(part => part !== '')).toEqual(['one\n', 'two\n'])
  })

  it('refuses a text without lines and a size that no line fits', () => {
    expect(() => new Corpus(Buffer.alloc(0), 10)).toThrow(/the text is empty/)
    expect(() => new Corpus(Buffer.from('a long line'), 3)).toThrow(/first line/)
  })
})

describe('the text', () => {
  it('is at least a megabyte of prose without a file', async () => {
    const text = await loadText(undefined, 64 << 20)
    expect(text.length).toBeGreaterThan(1e6)
    expect(text.includes('Call me Ishmael.')).toBe(true)
  })

  it('is read from a file no further than needed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'glider-demo-'))
    const file = join(folder, 'text')
    await writeFile(file, 'x'.repeat(1000))
    expect((await loadText(file, 100)).length).toBe(101)
    await rm(folder, { recursive: true })
    await expect(loadText(file, 100)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(loadText(tmpdir(), 100)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})
