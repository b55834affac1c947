import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { inspect as show } from 'node:util'
import { commonJsClasses, describeClasses } from '../../actions/inspect.ts'
import { GliderError } from '../../protocol/errors.ts'
import type { InspectResult, InspectTask } from '../messages.ts'
import { confine } from './confinement.ts'
import { redirectConsole } from './console.ts'
import { BundlePlaces } from './places.ts'

/** Loads a module and tells its action classes, in a thread that is thrown away afterwards. */
export async function inspect({ module, file }: InspectTask): Promise<InspectResult> {
  confine()
  redirectConsole(() => {})
  process.setSourceMapsEnabled(true)
  // So that it is known from where the end came.
  process.exit = code => {
    throw new Error(`process.exit(${code ?? ''}) was called`)
  }
  const path = fileURLToPath(module)
  const places = new BundlePlaces(path, await readFile(path, 'utf8'), file)
  let loaded: object
  try {
    loaded = (await import(module)) as object
  } catch (error) {
    return refuse(`${places.ofThrown(error)}: the bundle cannot be loaded: ${reasonOf(error)}`, error)
  }
  try {
    return { classes: describeClasses(loaded) }
  } catch (error) {
    // What is no error of ours came out of the bundle, from a getter for one.
    const place = error instanceof GliderError ? placeOfClass(places, loaded) : places.ofThrown(error)
    return refuse(`${place}: ${reasonOf(error)}`, error)
  }
}

/** Where the class is that the bundle is refused for; its beginning where that is none of them. */
function placeOfClass(places: BundlePlaces, loaded: object): string {
  for (const value of Object.values(loaded) as unknown[]) {
    if (typeof value !== 'function') continue
    try {
      describeClasses({ value })
    } catch (error) {
      const about = /\b(static \w+) of /.exec(reasonOf(error))?.[1]
      if (about !== undefined) return places.ofClass(value, about)
    }
  }
  const [hidden] = commonJsClasses(loaded)
  return hidden ? places.ofClass(hidden, 'class') : places.beginning
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return show(thrown)
  const { name, message } = thrown
  const own = ofOurPackage(message)
  if (own !== undefined) return own
  // What the loader says ends with the path of a file of this server.
  const said = message.replace(/(, | )?imported from \S+$/, '')
  return thrown instanceof GliderError || name === 'Error' ? said : `${name}: ${said}`
}

/** What the loader says of an import from glider, in words that name what there is instead. */
function ofOurPackage(message: string): string | undefined {
  const path = /^Package subpath '\.(\/\S+)' is not defined by "exports" in \S+node_modules\/glider\/package\.json/.exec(
    message,
  )?.[1]
  if (path !== undefined) return `there is no glider${path}: actions import from glider/action, and from glider`
  const [, module, name] =
    /^The requested module '(glider(?:\/\S+)?)' does not provide an export named '(\w+)'/.exec(message) ?? []
  if (module === undefined) return undefined
  const remedy = name === 'Action' ? 'import it from glider/action' : 'where it is a type, import it with type'
  return `${module} has no export named '${name}': ${remedy}`
}

function refuse(message: string, cause: unknown): InspectResult {
  return { error: new GliderError('INVALID_ARGUMENT', message, { cause }).toWire() }
}
