import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteLines, type LineSplitter, LinesWith, MAX_LINE_BYTES } from './lines.ts'

function linesOf(splitter: LineSplitter, chunks: readonly Buffer[]): string[] {
  const lines: string[] = []
  const take = (chunk: Buffer, start: number, end: number): void => {
    lines.push(chunk.toString('latin1', start, end))
  }
  for (const chunk of chunks) splitter.feed(chunk, take)
  splitter.finish(take)
  return lines
}

test('the lines with some bytes are those of all lines that contain them, wherever the borders of chunks lie', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'ab', '\r', '\n', '\r\n'), maxLength: 60 })
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 6 }),
      fc.constantFrom('ab', 'a', 'aab', '\r', 'b\r', '', 'a\nb', '\n'),
      (texts, needle) => {
        const chunks = texts.map(each => Buffer.from(each))
        const expected = linesOf(new ByteLines(), chunks).filter(line => line.includes(needle))
        expect(linesOf(new LinesWith(Buffer.from(needle)), chunks)).toEqual(expected)
      },
    ),
    { numRuns: 2_000 },
  )
})

test('a line that is too long is refused also where it would not pass', () => {
  const long = Buffer.alloc(MAX_LINE_BYTES, 'x')
  expect(() => linesOf(new LinesWith(Buffer.from('y')), [long, Buffer.from('xx\n')])).toThrow(/16/)
})
