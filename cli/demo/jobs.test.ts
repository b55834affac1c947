/** The parts of the two jobs, without a cluster. */
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countAnswer, difference, SortDigest } from './answers.ts'
import { Corpus } from './corpus.ts'
import { answerIndependently } from './independent.ts'
import { forEachLine } from './lines.ts'
import { chooseBorders, RangeFinder, sampleLines } from './ranges.ts'
import { sortedLines } from './sort-lines.ts'
import { WordCounts } from './word-counts.ts'

const bytes = fc
  .string({ unit: fc.constantFrom('a', 'b', '\n', 'ä', "'", ' ', '\u0000'), maxLength: 60 })
  .map(text => Buffer.from(text))
const lines = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\u0000', 'ä', '😀'), maxLength: 9 }), { maxLength: 40 })

function splitAnywhere(whole: Buffer, cuts: readonly number[]): Buffer[] {
  const borders = [0, ...cuts.map(cut => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length]
  return borders.slice(1).map((border, at) => whole.subarray(borders[at], border))
}

describe('lines', () => {
  it('are those of the text, wherever its chunks are cut', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, fc.array(fc.nat(100), { maxLength: 5 }), async (whole, cuts) => {
        const found: string[] = []
        let seen = 0
        const stream = Readable.from(splitAnywhere(whole, cuts))
        await forEachLine(
          stream,
          (chunk, start, end) => found.push(chunk.toString('latin1', start, end)),
          length => void (seen += length),
        )
        const expected = whole.toString('latin1').split('\n')
        if (expected.at(-1) === '') expected.pop()
        expect(found).toEqual(expected)
        expect(seen).toBe(whole.length)
      }),
    )
  })
})

describe('word counts', () => {
  it('are those of a regular expression, whoever counts and however many reducers merge them', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'B', 'b', 'z', "'", ' ', '-', 'é', '1'), maxLength: 80 })
    fc.assert(
      fc.property(fc.array(text, { maxLength: 6 }), fc.integer({ min: 1, max: 5 }), (texts, reducers) => {
        const shipped = texts.map(each => {
          const counts = new WordCounts()
          const line = Buffer.from(each)
          counts.addText(line, 0, line.length)
          return counts.partition(reducers)
        })
        const merged = new Map<string, number>()
        for (let reducer = 0; reducer < reducers; reducer++) {
          const counts = new WordCounts()
          for (const parts of shipped) {
            const part = parts[reducer]!
            for (let start = 0; start < part.length; start = part.indexOf('\n', start) + 1) {
              counts.addLine(part, start, part.indexOf('\n', start))
            }
          }
          for (const line of Buffer.concat(counts.partition(1)).toString().split('\n').slice(0, -1)) {
            const [word, count] = line.split(',')
            expect(merged.has(word!)).toBe(false)
            merged.set(word!, Number(count))
          }
        }
        const expected = new Map<string, number>()
        for (const each of texts)
          for (const word of each.toLowerCase().match(/[a-z][a-z']*/g) ?? []) expected.set(word, (expected.get(word) ?? 0) + 1)
        expect(merged).toEqual(expected)
      }),
    )
  })

  it('hold many words', () => {
    const counts = new WordCounts()
    const words = Array.from(
      { length: 5000 },
      (_, at) => `w${at.toString(36).replace(/\d/g, digit => 'abcdefghij'[Number(digit)]!)}${'x'.repeat(at % 40)}`,
    )
    for (let round = 0; round < 2; round++) {
      const text = Buffer.from(words.join(' '))
      counts.addText(text, 0, text.length)
    }
    expect(counts.size).toBe(new Set(words).size)
    const total = counts
      .partition(3)
      .flatMap(part => part.toString().split('\n').slice(0, -1))
      .reduce((sum, line) => sum + Number(line.split(',')[1]), 0)
    expect(total).toBe(2 * words.length)
  })
})

describe('ranges', () => {
  it('keep the order: what is in a lower one comes before what is in a higher one', () => {
    fc.assert(
      fc.property(lines, lines, fc.integer({ min: 1, max: 6 }), (sampled, all, count) => {
        const samples = sampleLines(Buffer.from(sampled.map(line => `${line}\n`).join('')), true)
        expect(samples).toHaveLength(sampled.length)
        const borders = chooseBorders(samples, count)
        expect(borders).toHaveLength(count - 1)
        const finder = new RangeFinder(borders)
        const placed = all.map(line => Buffer.from(line)).sort((a, b) => a.compare(b))
        const ranges = placed.map(line => finder.find(line, 0, line.length))
        expect(ranges).toEqual([...ranges].sort((a, b) => a - b))
        for (const range of ranges) expect(range).toBeLessThan(count)
      }),
    )
  })

  it('are about the same size where the lines are many', () => {
    const text = Array.from({ length: 1000 }, (_, at) => `${(at * 7919) % 1000}\n`).join('')
    const finder = new RangeFinder(chooseBorders(sampleLines(Buffer.from(text), true), 4))
    const sizes = [0, 0, 0, 0]
    for (const line of text.split('\n')) sizes[finder.find(Buffer.from(line), 0, line.length)]!++
    for (const size of sizes) expect(size).toBeGreaterThan(200)
  })

  it('are chosen by lines that begin in a piece, not by the end of one', () => {
    const sampled = sampleLines(Buffer.from('end of one\nwhole\nbegun'), false)
    expect(sampled.map(({ line, weight }) => [Buffer.from(line).toString(), weight])).toEqual([
      ['whole', 6],
      ['begun', 6],
    ])
    expect(sampleLines(Buffer.from('no border'), false)).toEqual([])
  })
})

describe('sorted lines', () => {
  it('are in order of their bytes', () => {
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 30 }), (all, bufferBytes) => {
        const text = Buffer.from(all.map(line => `${line}\n`).join(''))
        const expected = all.map(line => Buffer.from(line)).sort((a, b) => a.compare(b))
        expect(Buffer.concat([...sortedLines(text, bufferBytes)]).toString()).toBe(
          expected.map(line => `${line.toString()}\n`).join(''),
        )
      }),
    )
  })
})

describe('answers', () => {
  it('of the independent count and sort are those of a small text', () => {
    const { wordcount, sort } = answerIndependently(new Corpus(Buffer.from("It's it\n\nis It\n"), 15))
    expect(wordcount).toEqual(countAnswer(["it's,1", 'it,2', 'is,1']))
    const sorted = new SortDigest()
    for (const piece of ['\nIt', "'s it\nis", ' It\n']) sorted.add(Buffer.from(piece))
    expect(sort).toEqual(sorted.answer())
    expect(sort).toMatchObject({ lines: 3, bytes: 15 })
  })

  it('differ where a line is missing, changed or elsewhere, and it is told', () => {
    const digest = (text: string) => {
      const sorted = new SortDigest()
      sorted.add(Buffer.from(text))
      return sorted.answer()
    }
    expect(difference('it', digest('a\nb\n'), digest('a\nb\n'))).toBeUndefined()
    for (const wrong of ['b\na\n', 'a\n', 'a\nc\n'])
      expect(difference('it', digest(wrong), digest('a\nb\n'))).toMatch(/^it gave \{.*/)
    expect(difference('it', countAnswer(['a,1']), countAnswer(['a,2']))).toBeDefined()
  })
})
