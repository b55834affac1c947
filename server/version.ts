import { readFileSync } from 'node:fs'

/** Of this package; the compiled files lie one folder deeper than the manifest. */
export const packageVersion = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string }
).version
