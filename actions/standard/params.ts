import { GliderError } from '../../protocol/errors.ts'

const KiB = 1024
export const MiB = 1024 * KiB

/** Reads the params of an action, one by one; what is wrong is `INVALID_ARGUMENT`, naming the param and what it has to be. */
export class Params {
  readonly #action: string
  readonly #values: Readonly<Record<string, unknown>>
  readonly #known = new Set<string>()

  constructor(action: string, params: unknown) {
    this.#action = action
    if (params !== null && params !== undefined && (typeof params !== 'object' || Array.isArray(params))) {
      throw new GliderError('INVALID_ARGUMENT', `the params of ${action} must be an object`)
    }
    this.#values = (params ?? {}) as Record<string, unknown>
  }

  /** As it is; null is a value. */
  json(name: string): unknown {
    this.#known.add(name)
    return this.#values[name]
  }

  /** As it is, null being as good as nothing. */
  value(name: string): unknown {
    return this.json(name) ?? undefined
  }

  integer(name: string, fallback: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.value(name) ?? fallback
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value
    throw this.wrong(name, `an integer of ${least} to ${most}`)
  }

  /** A bound in bytes, at least 1 KiB. */
  bytes(name: string, fallback: number): number {
    return this.integer(name, fallback, KiB)
  }

  number(name: string): number | undefined {
    const value = this.value(name)
    if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value
    throw this.wrong(name, 'a number')
  }

  boolean(name: string, fallback = false): boolean {
    const value = this.value(name) ?? fallback
    if (typeof value === 'boolean') return value
    throw this.wrong(name, 'true or false')
  }

  text(name: string): string | undefined {
    const value = this.value(name)
    if (value === undefined || typeof value === 'string') return value
    throw this.wrong(name, 'a string')
  }

  /** Between the parts of a line: one character of ASCII, as its byte. */
  separator(name: string, fallback: string): number {
    const text = this.text(name) ?? fallback
    const byte = text.charCodeAt(0)
    if (text.length === 1 && byte < 128 && text !== '\n' && text !== '\r') return byte
    throw this.wrong(name, 'one character of ASCII that does not end a line')
  }

  /** The first choice is the default. */
  choice<const T extends string>(name: string, choices: readonly [T, ...T[]]): T {
    const value = this.value(name) ?? choices[0]
    const chosen = choices.find(choice => choice === value)
    if (chosen !== undefined) return chosen
    throw this.wrong(name, `one of ${choices.map(choice => `"${choice}"`).join(', ')}`)
  }

  /** All params have been read: one that is left is a mistake, and would be ignored in silence. */
  finish(): void {
    const unknown = Object.keys(this.#values).find(name => !this.#known.has(name))
    if (unknown === undefined) return
    const known = this.#known.size === 0 ? 'takes none' : `takes ${[...this.#known].join(', ')}`
    throw new GliderError('INVALID_ARGUMENT', `params.${unknown} is unknown: ${this.#action} ${known}`)
  }

  wrong(name: string, wanted: string): GliderError {
    const value = JSON.stringify(this.#values[name])
    return new GliderError(
      'INVALID_ARGUMENT',
      `params.${name} of ${this.#action} must be ${wanted}${value ? `, not ${value.slice(0, 80)}` : ''}`,
    )
  }
}
