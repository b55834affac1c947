import { GliderError } from './errors.ts'

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}

const timeUnits: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3 }

/**
 * Bytes from what people write: `64MiB`, `1.5GB`, `4096`; a number is taken as it is.
 * @throws GliderError INVALID_ARGUMENT
 */
export function parseSize(text: string | number): number {
  return parseUnits(text, sizeUnits, `a size: write it like 64MiB, 1GB or 4096, in ${namesOf(sizeUnits)}`)
}

/**
 * The same of what makes sense from here to there.
 * @throws GliderError INVALID_ARGUMENT
 */
export function parseSizeWithin(text: string | number, least: number, most = Number.POSITIVE_INFINITY): number {
  const bytes = parseSize(text)
  if (bytes >= least && bytes <= most) return bytes
  const range =
    most === Number.POSITIVE_INFINITY ? `at least ${formatSize(least)}` : `from ${formatSize(least)} to ${formatSize(most)}`
  throw new GliderError('INVALID_ARGUMENT', `${JSON.stringify(text)} makes no sense here: it has to be ${range}`)
}

/**
 * Milliseconds from what people write: `10s`, `250ms`, `2m`; a number is taken as it is.
 * @throws GliderError INVALID_ARGUMENT
 */
export function parseDuration(text: string | number): number {
  return parseUnits(text, timeUnits, `a time: write it like 10s, 250ms or 2m, in ${namesOf(timeUnits)}`)
}

function namesOf(units: Readonly<Record<string, number>>): string {
  const names = Object.keys(units).filter(name => name !== '')
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

function parseUnits(text: string | number, units: Readonly<Record<string, number>>, what: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(String(text).trim())
  const factor = match && (typeof text === 'number' ? 1 : units[match[2]!])
  const value = factor ? Math.round(Number(match[1]) * factor) : Number.NaN
  if (!Number.isSafeInteger(value)) throw new GliderError('INVALID_ARGUMENT', `${JSON.stringify(text)} is not ${what}`)
  return value
}

/** Bytes for people: `1.5 MiB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const power = Math.min(3, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** power).toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB'][power]}`
}

/** `1 node`, `2 nodes`. */
export function countOf(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`
}
