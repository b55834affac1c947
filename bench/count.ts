import { InvalidArgumentError } from 'commander'

/** Takes whole numbers from its least one on, for an option. */
export function countFrom(least: number): (text: string) => number {
  return text => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && Number.isSafeInteger(value)) return value
    throw new InvalidArgumentError(`It has to be a whole number from ${least}.`)
  }
}
