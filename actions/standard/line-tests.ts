import { isDeepStrictEqual } from 'node:util'
import { ByteLines, type LineSplitter, LinesWith } from '../lines.ts'
import type { Params } from './params.ts'

/** Whether a line passes. What it is given is lent. */
type LineTest = (chunk: Buffer, start: number, end: number) => boolean

/** Makes what gives the lines that params ask for; lines that follow each other need one of their own. */
export function lineFilterOf(params: Params): () => LineSplitter {
  const invert = params.boolean('invert')
  const substring = params.text('substring')
  const makeTest = lineTestOf(params, substring)
  if (substring !== undefined && !invert) return () => new LinesWith(Buffer.from(substring))
  return () => passing(makeTest(), !invert)
}

/** The lines for which `test` says what is wanted. */
function passing(test: LineTest, wanted: boolean): LineSplitter {
  const lines = new ByteLines()
  const only =
    (fn: (chunk: Buffer, start: number, end: number) => void) =>
    (chunk: Buffer, start: number, end: number): void => {
      if (test(chunk, start, end) === wanted) fn(chunk, start, end)
    }
  return { feed: (chunk, fn) => lines.feed(chunk, only(fn)), finish: fn => lines.finish(only(fn)) }
}

/** Makes the test that params ask for. */
function lineTestOf(params: Params, substring: string | undefined): () => LineTest {
  const pattern = params.text('pattern')
  const flags = params.text('flags') ?? ''
  const field = fieldOf(params)
  const equals = params.json('equals')
  if ([substring, pattern, field].filter(given => given !== undefined).length !== 1) {
    throw params.wrong('substring', 'the one that is given of substring, pattern and field: exactly one says what passes')
  }
  if (equals !== undefined && field === undefined) throw params.wrong('equals', 'left out without params.field')
  if (flags !== '' && pattern === undefined) throw params.wrong('flags', 'left out without params.pattern')
  if (substring !== undefined) return () => contains(Buffer.from(substring))
  if (field !== undefined) return () => hasField(field, equals)
  if (!/^[ims]*$/.test(flags)) throw params.wrong('flags', 'some of i, m and s')
  let expression: RegExp
  try {
    expression = new RegExp(pattern!, `u${flags}`)
  } catch (error) {
    throw params.wrong('pattern', `a regular expression (${(error as Error).message})`)
  }
  return () => (chunk, start, end) => expression.test(chunk.toString('utf8', start, end))
}

/** Looks for the next hit in the whole chunk, not line by line: where little matches, most lines cost one comparison. */
function contains(needle: Buffer): LineTest {
  let searched: Buffer | undefined
  let hit = -1
  return (chunk, start, end) => {
    // At 0 the same memory may hold another line: that of the carry buffer is used again and again.
    if (chunk !== searched || start === 0 || (hit !== -1 && hit < start)) hit = chunk.indexOf(needle, start)
    searched = chunk
    return hit !== -1 && hit + needle.length <= end
  }
}

/** A line that is no JSON has no field. */
function hasField(field: readonly string[], equals: unknown): LineTest {
  return (chunk, start, end) => {
    let value: unknown
    try {
      value = JSON.parse(chunk.toString('utf8', start, end))
    } catch {
      return false
    }
    for (const part of field) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return false
      value = (value as Record<string, unknown>)[part]
    }
    return equals === undefined || isDeepStrictEqual(value, equals)
  }
}

function fieldOf(params: Params): readonly string[] | undefined {
  const field = params.value('field')
  if (field === undefined) return undefined
  if (typeof field === 'string' && field !== '') return field.split('.')
  if (Array.isArray(field) && field.length > 0 && field.every(part => typeof part === 'string')) return field
  throw params.wrong('field', 'names joined by dots, or an array of names')
}
