import { GliderError } from '../protocol/errors.ts'
import { Action, type ActionClass } from './action.ts'
import { type ActionConfig, configOf } from './config.ts'

/** One class of a bundle that can be made into objects. */
export interface ActionClassEntry {
  /** As in a definition: `bundle/name`. */
  readonly name: string
  readonly Class: ActionClass
  readonly calls: readonly string[]
  readonly config: ActionConfig
}

const hooks = ['onCreate', 'onDelete', 'onRead', 'onWrite']
/** Fields of every action would hide methods of these names. */
const fields = ['path', 'params', 'store', 'log', 'signal']
const notCallable = new Set(['constructor', ...hooks, ...fields])

/** The action classes that a bundle exports; whatever else it exports is ignored. `INVALID_ARGUMENT` where there is none. */
export function actionClassesOf(module: object): ActionClassEntry[] {
  const byName = new Map<string, ActionClass>()
  const exports: [string, unknown][] = Object.entries(module)
  for (const [name, value] of exports) {
    if (name !== 'default' && isActionClass(value)) byName.set(name, value)
  }
  // A default export goes by the name of its class, and often has been exported by name as well.
  const fallback = exports.find(([name]) => name === 'default')?.[1]
  if (isActionClass(fallback) && ![...byName.values()].includes(fallback)) byName.set(defaultName(fallback, byName), fallback)
  if (byName.size === 0) {
    const [hidden] = commonJsClasses(module)
    if (hidden) throw new GliderError('INVALID_ARGUMENT', commonJsRefusal(hidden))
    throw new GliderError('INVALID_ARGUMENT', 'the bundle exports no class that extends Action of glider/action: export one')
  }
  return [...byName].map(([name, Class]) => ({ name, Class, calls: callsOf(Class, name), config: configOf(Class, name) }))
}

/** Those that a CommonJS module has in its `module.exports`, where they are no exports of an ES module. */
export function commonJsClasses(module: object): ActionClass[] {
  const exported: unknown = (module as { readonly default?: unknown }).default
  return typeof exported === 'object' && exported !== null ? Object.values(exported).filter(isActionClass) : []
}

function commonJsRefusal(Class: ActionClass): string {
  const name = Class.name || 'Name'
  const remedy = `import Action from glider/action, and write: export class ${name} extends Action`
  return `${name} is given by module.exports, as CommonJS does, and a bundle has to be an ES module: ${remedy}`
}

/** The action classes of a module, in the form of the catalogue. */
export function describeClasses(module: object): (ActionConfig & { name: string; calls: string[] })[] {
  return actionClassesOf(module).map(({ name, calls, config }) => ({ name, calls: [...calls], ...config }))
}

/** The checked `static calls` of a class. `INVALID_ARGUMENT` names the class and the entry. */
export function callsOf(Class: ActionClass, name = Class.name): readonly string[] {
  const calls: unknown = Class.calls
  if (calls === undefined) return []
  if (!Array.isArray(calls)) {
    throw new GliderError('INVALID_ARGUMENT', `static calls of ${name} must be an array of names of its methods`)
  }
  for (const entry of calls as unknown[]) {
    if (typeof entry === 'string' && isOwnMethod(Class, entry)) continue
    const why = notCallable.has(String(entry)) ? 'which cannot be called from outside' : 'which is not a method of it'
    throw new GliderError('INVALID_ARGUMENT', `static calls of ${name} names ${JSON.stringify(entry) ?? String(entry)}, ${why}`)
  }
  return [...new Set(calls as string[])]
}

function isActionClass(value: unknown): value is ActionClass {
  return typeof value === 'function' && value.prototype instanceof Action
}

function defaultName(Class: ActionClass, taken: ReadonlyMap<string, ActionClass>): string {
  return Class.name === '' || taken.has(Class.name) ? 'default' : Class.name
}

function isOwnMethod(Class: ActionClass, name: string): boolean {
  if (notCallable.has(name)) return false
  let prototype: object = Class.prototype as object
  while (prototype !== Action.prototype) {
    const property = Object.getOwnPropertyDescriptor(prototype, name)
    if (property) return typeof property.value === 'function'
    prototype = Object.getPrototypeOf(prototype) as object
  }
  return false
}
