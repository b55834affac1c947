import { InvalidArgumentError } from 'commander'

/** Reads an option that is a whole number. */
export function countFrom(least: number): (text: string) => number {
  return text => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && Number.isSafeInteger(value)) return value
    throw new InvalidArgumentError(`It has to be a whole number from ${least}.`)
  }
}
