import { GliderError } from './errors.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/

/** Whether a storage class can be called so: names are written in lists, on command lines and in labels of metrics. */
export function isClassName(name: string): boolean {
  return NAME.test(name)
}

/** @throws GliderError INVALID_ARGUMENT */
export function checkClassName(name: string): string {
  if (isClassName(name)) return name
  throw new GliderError(
    'INVALID_ARGUMENT',
    `${JSON.stringify(name)} is no name of a storage class: take up to 63 letters, digits, -, _ and ., and begin with a letter or digit`,
  )
}
