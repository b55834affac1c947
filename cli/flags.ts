import { InvalidArgumentError } from 'commander'
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
  return text.split(',').map(name => name.trim())
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
