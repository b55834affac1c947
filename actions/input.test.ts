import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StreamInput } from './input.ts'
import { MAX_LINE_BYTES } from './lines.ts'
import { TurnScope } from './scope.ts'
import type { ChunkSource } from './source.ts'

interface CountingSource extends ChunkSource {
  lent: number
}

/** Lends shared memory, some of it at once and some later, and spoils it on release. */
function sourceOf(chunks: readonly Uint8Array[]): CountingSource {
  let at = 0
  const source: CountingSource = {
    lent: 0,
    next() {
      const chunk = chunks[at++]
      if (!chunk) return at % 2 ? undefined : Promise.resolve(undefined)
      const bytes = Buffer.from(new SharedArrayBuffer(chunk.length))
      bytes.set(chunk)
      source.lent++
      const lent = {
        bytes,
        release() {
          source.lent--
          bytes.fill(0xdb)
        },
      }
      return at % 2 ? lent : Promise.resolve(lent)
    },
  }
  return source
}

function inputOf(chunks: readonly Uint8Array[]): StreamInput {
  return new StreamInput(sourceOf(chunks), new TurnScope('test'))
}

function cut(bytes: Buffer, borders: readonly number[]): Buffer[] {
  const sorted = [0, ...borders.map(border => border % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end))
}

function referenceLines(text: string): string[] {
  const lines = text.split('\n')
  const rest = lines.pop()!
  return [...lines.map(line => (line.endsWith('\r') ? line.slice(0, -1) : line)), ...(rest === '' ? [] : [rest])]
}

const texts = fc
  .array(fc.oneof(fc.constantFrom('\n', '\r\n', '\r', 'ä', '漢', '🙂', 'abc'), fc.string({ unit: 'grapheme' })), {
    maxLength: 60,
  })
  .map(parts => parts.join('').toWellFormed())
const borders = fc.array(fc.nat(500), { maxLength: 12 })

async function linesByEachWay(chunks: readonly Buffer[]): Promise<string[][]> {
  const eachLine: string[] = []
  await inputOf(chunks).forEachLine(line => eachLine.push(line))
  const eachLineBytes: string[] = []
  await inputOf(chunks).forEachLineBytes((chunk, start, end) => eachLineBytes.push(chunk.toString('utf8', start, end)))
  const iterated: string[] = []
  for await (const line of inputOf(chunks).lines()) iterated.push(line)
  return [eachLine, eachLineBytes, iterated]
}

describe('lines', () => {
  it('are the same wherever chunks are cut, by each way of reading them', async () => {
    await fc.assert(
      fc.asyncProperty(texts, borders, async (text, at) => {
        const expected = referenceLines(text)
        for (const lines of await linesByEachWay(cut(Buffer.from(text), at))) expect(lines).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  it('are the same in text longer than a decoded piece, with lines longer than one', async () => {
    const text = [...Array(2000).keys()].map(i => `${'x'.repeat(i % 97)}é${i % 500 === 0 ? 'y'.repeat(9000) : ''}`).join('\r\n')
    for (const lines of await linesByEachWay(cut(Buffer.from(text), [10_000, 10_001, 60_000]))) {
      expect(lines).toEqual(referenceLines(text))
    }
  })

  it('may have 16 MiB, and are INVALID_ARGUMENT beyond', async () => {
    const longest = Buffer.alloc(MAX_LINE_BYTES, 'a')
    const pieces = cut(Buffer.concat([longest, Buffer.from('\r\nb\n')]), [5, 9_000_000, MAX_LINE_BYTES + 1])
    let lengths: number[] = []
    await inputOf(pieces).forEachLineBytes((_, start, end) => lengths.push(end - start))
    expect(lengths).toEqual([MAX_LINE_BYTES, 1])
    lengths = []
    await inputOf(pieces).forEachLine(line => lengths.push(line.length))
    expect(lengths).toEqual([MAX_LINE_BYTES, 1])

    const tooLong = Buffer.concat([longest, Buffer.from('a\n')])
    for (const chunks of [[tooLong], [longest, Buffer.from('a\n')], [longest, Buffer.from('a')]]) {
      await expect(inputOf(chunks).forEachLineBytes(() => {})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
      await expect(inputOf(chunks).forEachLine(() => {})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
  })
})

describe('chunks', () => {
  it('of an iteration belong to the action, those of forEachChunk are lent', async () => {
    const owned: Buffer[] = []
    for await (const chunk of inputOf([Buffer.from('one'), Buffer.from('two')])) owned.push(chunk)
    expect(Buffer.concat(owned).toString()).toBe('onetwo')
    const lent: Buffer[] = []
    await inputOf([Buffer.from('one')]).forEachChunk(chunk => {
      lent.push(chunk)
    })
    expect(lent[0]!.toString('latin1')).not.toBe('one')
  })

  it('stay lent until the promise of fn is settled, and are given back after a throw', async () => {
    const source = sourceOf([Buffer.from('one'), Buffer.from('two')])
    const input = new StreamInput(source, new TurnScope('test'))
    await input.forEachChunk(async () => {
      await Promise.resolve()
      expect(source.lent).toBe(1)
    })
    expect(source.lent).toBe(0)
    const failing = sourceOf([Buffer.from('one')])
    const thrown = new StreamInput(failing, new TurnScope('test')).forEachLine(() => {
      throw new Error('enough')
    })
    await thrown.catch(() => {})
    expect(failing.lent).toBe(0)
  })

  it('are refused after the hook has returned, and one that comes late is given back', async () => {
    const source = sourceOf([Buffer.from('one'), Buffer.from('two')])
    const scope = new TurnScope('test')
    const input = new StreamInput(source, scope)
    await input.lines().next()
    scope.hookReturned()
    await expect(input.text()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('returned') })
    expect(source.lent).toBe(0)
  })
})

describe('text and json', () => {
  it('take all that is left', async () => {
    const bytes = Buffer.from('{"a":"ä漢🙂"}')
    expect(await inputOf(cut(bytes, [7, 9, 10, 13])).json()).toEqual({ a: 'ä漢🙂' })
    expect(await inputOf([]).text()).toBe('')
  })
})
