import { InvalidArgumentError } from 'commander'
import type { Quota, QuotaChange } from '../client/index.ts'
import { parseDuration, parseSize } from '../client/units.ts'

/** A parser of whole numbers; what does not fit is wrong usage. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`It has to be a whole number from ${least} to ${most}.`)
  }
}

export function size(text: string): number {
  let bytes = 0
  try {
    bytes = parseSize(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
  if (bytes > 0) return bytes
  throw new InvalidArgumentError('It has to be at least one byte.')
}

export function names(text: string): string[] {
  const all = text.split(',').map(name => name.trim())
  if (all.every(name => name !== '')) return all
  throw new InvalidArgumentError('One of the names is empty.')
}

/** `bytes=1GiB,nodes=10000`. */
export function quota(text: string): Quota {
  return limitsIn(text, limit)
}

/** The same, where `none` takes a limit away. */
export function quotaChange(text: string): QuotaChange {
  return limitsIn(text, (what, most) => (most === 'none' ? null : limit(what, most)))
}

function limitsIn<T>(text: string, parse: (what: string, most: string) => T): Record<string, T> {
  const limits: Record<string, T> = {}
  for (const part of names(text)) {
    const [what = '', most = ''] = part.split('=')
    if (!['bytes', 'nodes', 'slots', 'streams'].includes(what)) {
      throw new InvalidArgumentError(`${part} is none of bytes=…, nodes=…, slots=… and streams=….`)
    }
    limits[what] = parse(what, most)
  }
  return limits
}

function limit(what: string, most: string): number {
  return what === 'bytes' ? size(most) : wholeNumber(0, Number.MAX_SAFE_INTEGER)(most)
}

/** Milliseconds. */
export function duration(text: string): number {
  let ms = 0
  try {
    ms = parseDuration(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
  if (ms > 0) return ms
  throw new InvalidArgumentError('It has to be at least one millisecond.')
}

export function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(`It is not JSON: ${(error as Error).message}.`)
  }
}
