/** JSON heads: sound ones by their schema, with what servers have answered before, and then with something wrong in them. */
import type { Chance } from './chance.ts'

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema | readonly Schema[]
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly minimum?: number
  readonly maximum?: number
}

const paths = ['/', '/a', '/b', '/c', '/a/b', '/a/b/c', '/t', '/t/k', '/t/l', '/bag', '/act', '/act2', '/ü/ñ']
const oddTexts = [
  '',
  'x'.repeat(5_000),
  'a/b',
  '/..',
  '/a//b',
  '/a/',
  '\0',
  '\ud800',
  '__proto__',
  'constructor',
  'toString',
  'std',
  'std/Merge',
  `/${'x'.repeat(255)}`,
  `/${'é'.repeat(128)}`,
  '/a'.repeat(2_048),
  '%s%n',
  '../../etc/passwd',
]
const oddNumbers = [0, -1, 1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e308, -0, 4_294_967_295]

/** What was answered before, by the name of its field: what makes a sound request reach further. */
export class Seen {
  readonly #byName = new Map<string, unknown[]>()

  learn(value: unknown, name = ''): void {
    if (Array.isArray(value)) for (const one of value.slice(0, 4)) this.learn(one, name)
    else if (typeof value === 'object' && value !== null) {
      for (const [key, one] of Object.entries(value)) this.learn(one, key)
    } else if (name !== '') {
      const known = this.#byName.get(name === 'locations' ? 'location' : name) ?? []
      known.push(value)
      if (known.length > 32) known.shift()
      this.#byName.set(name === 'locations' ? 'location' : name, known)
    }
  }

  of(name: string, chance: Chance): unknown {
    const known = this.#byName.get(name)
    return known && chance.of(known)
  }
}

/** A value that fits its schema, most of the time. */
export function valueOf(schema: Schema, chance: Chance, seen: Seen, name = ''): unknown {
  const known = chance.oneIn(3) ? undefined : seen.of(name, chance)
  if (known !== undefined && name !== 'path') return known
  if (schema.enum) return chance.of(schema.enum)
  if (schema.const !== undefined) return schema.const
  if (schema.anyOf) return valueOf(chance.of(schema.anyOf), chance, seen, name)
  if (schema.patternProperties) return {}
  switch (schema.type) {
    case 'object': {
      const required = new Set(schema.required)
      const value: Record<string, unknown> = {}
      for (const [key, field] of Object.entries(schema.properties ?? {})) {
        if (required.has(key) || chance.oneIn(4)) value[key] = valueOf(field, chance, seen, key)
      }
      return value
    }
    case 'array': {
      const { items } = schema
      if (Array.isArray(items)) return (items as readonly Schema[]).map(one => valueOf(one, chance, seen, name))
      return Array.from({ length: chance.below(4) }, () => valueOf((items ?? {}) as Schema, chance, seen, name))
    }
    case 'integer':
    case 'number':
      return chance.oneIn(5) ? chance.of(oddNumbers) : (schema.minimum ?? 0) + chance.below(Math.min(100, schema.maximum ?? 100))
    case 'boolean':
      return chance.oneIn(2)
    case 'string':
      if (chance.oneIn(6)) return chance.oneIn(2) ? chance.of(oddTexts) : chance.text(30)
      return name === 'definition' ? chance.of(['std/Merge', 'Counter', 'nobody']) : chance.of(paths)
    default:
      return anything(chance)
  }
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}

/** Stand for values that are nested so deep that JSON.stringify does not come to their end; see `textOf`. */
const deepMarks = ['\u0001deep array', '\u0001deep object']
const deepTexts = [nested(1_500), nested(20_000), `${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}`]

/** The JSON of a value. */
export function textOf(value: unknown, chance: Chance): string {
  const text = JSON.stringify(value) ?? 'null'
  if (!text.includes('deep')) return text
  return deepMarks.reduce((result, mark) => result.replaceAll(JSON.stringify(mark), () => chance.of(deepTexts)), text)
}

export function anything(chance: Chance): unknown {
  switch (chance.below(12)) {
    case 0:
      return null
    case 1:
      return chance.of(oddNumbers)
    case 2:
      return chance.of(oddTexts)
    case 3:
      return {}
    case 4:
      return []
    case 5:
      return chance.oneIn(10) ? chance.of(deepMarks) : [[[[]]]]
    case 6:
      return chance.oneIn(2)
    case 7:
      return { __proto__: null, constructor: 1, toString: 2, length: -1 }
    case 8:
      return Array.from({ length: 20 }, (_, at) => at)
    case 9:
      return JSON.parse('{"__proto__":{"x":1},"a":{"__proto__":[]}}')
    case 10:
      return chance.text(40)
    default:
      return chance.below(1_000)
  }
}

/** Something of it is another thing, too much, or not there. */
export function spoilt(value: unknown, chance: Chance): unknown {
  if (typeof value !== 'object' || value === null || chance.oneIn(12)) return anything(chance)
  const entries = Object.entries(value)
  const result = Object.fromEntries(entries)
  const key = chance.oneIn(5) || entries.length === 0 ? chance.text(8) : chance.of(entries)[0]
  switch (chance.below(4)) {
    case 0:
      delete result[key]
      break
    case 1:
      result[key] = anything(chance)
      break
    case 2:
      result[key] = spoilt(result[key], chance)
      break
    default:
      result[chance.of(['__proto__', 'constructor', 'sequence', 'acknowledged', 'chain', 'operation', 'path', 'node', key])] =
        anything(chance)
  }
  return Array.isArray(value) ? Object.values(result) : result
}
