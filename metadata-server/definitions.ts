/**
 * Deployed bundles. Always holds: a name that can be resolved has classes that an active server has seen, and its code can
 * be fetched (unless it is built into the servers); old code stays as long as an object made from it lives.
 */
import { createHash } from 'node:crypto'
import { type BundleInfo, type ClassInfo, catalogue, type HeadOf } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { checkName } from '../protocol/paths.ts'
import { remedies } from '../protocol/remedies.ts'
import type { Log } from '../server/log.ts'
import type { Definition } from './definition.ts'
import type { BundleCode, Journal } from './journal/journal.ts'
import { type Limits, noLimits } from './limits.ts'
import type { SlotSpaces } from './slots.ts'

export interface DefinitionsParts {
  readonly slots: SlotSpaces
  readonly log: Log
  readonly journal: Journal
  readonly bundleBytes: number
  readonly inspectTimeoutMs: number
  readonly limits?: Limits
}

/** What an earlier start has left. */
export interface Deployed {
  readonly own: Iterable<BundleInfo>
  readonly builtin: Iterable<BundleInfo>
  readonly codes: Iterable<BundleCode>
}

const STANDARD = 'std'
const VERSION_CHARACTERS = 32
/** At the same time, of one namespace: each takes memory for a whole bundle. */
const MOST_DEPLOYING = 16

type DeployHead = HeadOf<typeof catalogue.deploy>

interface Code {
  readonly bytes: Buffer
  /** Deployments of it that are being checked. */
  checking: number
}

export class Definitions {
  readonly #parts: DefinitionsParts
  readonly #own = new Map<string, BundleInfo>()
  readonly #builtin = new Map<string, BundleInfo>()
  /** By version. */
  readonly #code = new Map<string, Code>()
  #deploying = 0

  constructor(parts: DefinitionsParts) {
    this.#parts = parts
  }

  /** Bundles that are part of the active servers; the last server to register says which. */
  setBuiltin(bundles: readonly BundleInfo[]): void {
    for (const bundle of bundles) {
      this.#builtin.set(bundle.name, bundle)
      this.#parts.journal.keep('builtin', bundle)
    }
  }

  /** Puts back what was deployed at an earlier start. */
  restore({ own, builtin, codes }: Deployed): void {
    for (const bundle of own) this.#own.set(bundle.name, bundle)
    for (const bundle of builtin) this.#builtin.set(bundle.name, bundle)
    for (const { version, bytes } of codes) this.#code.set(version, { bytes, checking: 0 })
  }

  list(): BundleInfo[] {
    return [...this.#own.values(), ...this.#builtin.values()]
  }

  /** @throws GliderError INVALID_ARGUMENT, UNAVAILABLE, QUOTA_EXCEEDED, BUSY; nothing is registered then */
  async deploy(head: DeployHead, chunks: AsyncIterable<Uint8Array>): Promise<BundleInfo> {
    if (this.#deploying >= MOST_DEPLOYING) {
      throw new GliderError('BUSY', `${head.name}: ${MOST_DEPLOYING} bundles are being deployed already: wait for one of them`)
    }
    this.#deploying += 1
    try {
      return await this.#deploy(head, chunks)
    } finally {
      this.#deploying -= 1
    }
  }

  async #deploy({ name, file = name, size = 0 }: DeployHead, chunks: AsyncIterable<Uint8Array>): Promise<BundleInfo> {
    this.#checkBundleName(name)
    if (size > this.#parts.bundleBytes) throw this.#tooLarge(file, `has ${size}`)
    const bytes = await this.#collect(file, chunks)
    const version = createHash('sha256').update(bytes).digest('hex').slice(0, VERSION_CHARACTERS)
    const current = this.#own.get(name)
    if (current?.version === version) return current
    this.#checkRoom(file, bytes.length)
    const code = this.#code.get(version) ?? { bytes, checking: 0 }
    this.#code.set(version, code)
    code.checking += 1
    try {
      const classes = await this.#inspect(name, version, file)
      const bundle = { name, version, classes }
      this.#own.set(name, bundle)
      this.#parts.journal.keep('code', { version, bytes })
      this.#parts.journal.keep('bundle', bundle)
      this.#parts.log.info({ bundle: name, version }, 'a bundle was deployed')
      return bundle
    } finally {
      code.checking -= 1
      this.#dropUnused()
    }
  }

  /**
   * Answers whether it was there. Objects that live keep their code until they are gone.
   * @throws GliderError BUSY while there are such objects, unless forced; INVALID_ARGUMENT for one that is built in
   */
  undeploy(name: string, force: boolean): boolean {
    this.#checkBundleName(name)
    const bundle = this.#own.get(name)
    if (!bundle) return false
    const objects = this.#parts.slots.objectsOf(name)
    if (objects > 0 && !force) {
      const living = objects === 1 ? '1 object of it lives' : `${objects} objects of it live`
      throw new GliderError('BUSY', `the bundle ${name} is in use: ${living}: delete what lives, or ${remedies.force}`)
    }
    this.#own.delete(name)
    this.#parts.journal.drop('bundle', bundle)
    this.#dropUnused()
    this.#parts.log.info({ bundle: name, version: bundle.version, objects }, 'a bundle was undeployed')
    return true
  }

  /** The namespace is no more, nor are its objects. */
  clear(): void {
    for (const bundle of this.#own.values()) this.#parts.journal.drop('bundle', bundle)
    for (const bundle of this.#builtin.values()) this.#parts.journal.drop('builtin', bundle)
    this.#own.clear()
    this.#builtin.clear()
    this.#dropUnused()
  }

  /** An object of this version is gone. */
  released(version: string): void {
    if (!this.#code.has(version)) return
    for (const bundle of this.#own.values()) if (bundle.version === version) return
    this.#dropUnused()
  }

  /**
   * `bundle/Class`, or a bare `Class` that is in exactly one of the own bundles, or else in a built-in one.
   * @throws GliderError NOT_FOUND, INVALID_ARGUMENT
   */
  resolve(definition: string): Definition {
    const cut = definition.lastIndexOf('/')
    const className = definition.slice(cut + 1)
    if (cut >= 0) {
      const name = definition.slice(0, cut)
      const bundle = this.#own.get(name) ?? this.#builtin.get(name)
      if (!bundle) throw this.#missing(`there is no bundle ${name} for ${definition}`, 'deploy it first')
      const info = find(bundle, className)
      if (info) return definitionOf(bundle, info)
      const classes = bundle.classes.map(one => one.name).join(', ')
      throw new GliderError('NOT_FOUND', `the bundle ${name} has no action ${className}: it has ${classes}`)
    }
    for (const bundles of [this.#own, this.#builtin]) {
      const [first, second] = [...bundles.values()].filter(bundle => find(bundle, className))
      if (second && first) {
        const choice = `${first.name}/${className} or ${second.name}/${className}`
        throw new GliderError('INVALID_ARGUMENT', `the definition ${className} is in several bundles: say ${choice}`)
      }
      const info = first && find(first, className)
      if (info) return definitionOf(first, info)
    }
    throw this.#missing(`there is no definition ${className}`, 'deploy a bundle that exports it')
  }

  /** Bundles that are built in come with the first active server, and without one nothing can be deployed. */
  #missing(what: string, remedy: string): GliderError {
    const { absence } = this.#parts.slots
    return new GliderError('NOT_FOUND', absence === undefined ? `${what}: ${remedy}` : `${what}, and ${absence}`)
  }

  /** @throws GliderError NOT_FOUND */
  code(version: string): Buffer {
    const code = this.#code.get(version)
    if (!code) throw new GliderError('NOT_FOUND', `there is no bundle of version ${version}: deploy it again`)
    return code.bytes
  }

  #checkBundleName(name: string): void {
    try {
      checkName(name, 'name of a bundle')
    } catch (cause) {
      throw new GliderError('INVALID_ARGUMENT', `the bundle name ${JSON.stringify(name)} is not one part of a path`, { cause })
    }
    if (name === STANDARD || this.#builtin.has(name)) {
      throw new GliderError('INVALID_ARGUMENT', `the bundle ${name} is built in: choose another name`)
    }
  }

  async #collect(file: string, chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
    const { bundleBytes } = this.#parts
    const parts: Uint8Array[] = []
    let total = 0
    for await (const chunk of chunks) {
      total += chunk.length
      if (total > bundleBytes) throw this.#tooLarge(file, 'has more')
      parts.push(chunk)
    }
    return Buffer.concat(parts, total)
  }

  /** @throws GliderError QUOTA_EXCEEDED */
  #checkRoom(file: string, more: number): void {
    const { bytes: most } = (this.#parts.limits ?? noLimits).quota
    if (most === undefined) return
    const used = this.#codeBytes()
    if (used + more <= most) return
    const remedy = 'undeploy some, or ask the operator for more'
    throw new GliderError('QUOTA_EXCEEDED', `${file}: the bundles have ${used} of ${most} bytes, and this has ${more}: ${remedy}`)
  }

  /** Code counts once for each name and each deployment under way, and once where only objects are left of it. */
  #codeBytes(): number {
    const names = new Map<string, number>()
    for (const { version } of this.#own.values()) names.set(version, (names.get(version) ?? 0) + 1)
    let total = 0
    for (const [version, { bytes, checking }] of this.#code)
      total += bytes.length * Math.max(1, (names.get(version) ?? 0) + checking)
    return total
  }

  #tooLarge(file: string, how: string): GliderError {
    const { bundleBytes } = this.#parts
    const limit = `a bundle may have ${bundleBytes} bytes`
    return new GliderError('INVALID_ARGUMENT', `${file}:1:1: ${limit}, and this ${how}: import less of what is large`)
  }

  async #inspect(name: string, version: string, file: string): Promise<BundleInfo['classes']> {
    const connection = await this.#parts.slots.reachable()
    if (!connection) {
      const { absence = 'there is none: start one' } = this.#parts.slots
      throw new GliderError('UNAVAILABLE', `the bundle ${name} needs an active server to be checked on, and ${absence}`)
    }
    const options = { timeoutMs: this.#parts.inspectTimeoutMs }
    const { head } = await connection.request(catalogue.inspectBundle, { name, version, file }, options)
    if (head.classes.length > 0) return head.classes
    throw new GliderError('INVALID_ARGUMENT', `${file}:1:1: the bundle ${name} exports no class that extends Action`)
  }

  #dropUnused(): void {
    const used = this.#parts.slots.versionsInUse()
    for (const { version } of this.#own.values()) used.add(version)
    for (const [version, { bytes, checking }] of this.#code) {
      if (checking > 0 || used.has(version)) continue
      this.#code.delete(version)
      this.#parts.journal.drop('code', { version, bytes })
    }
  }
}

function find(bundle: BundleInfo, className: string): ClassInfo | undefined {
  return bundle.classes.find(one => one.name === className)
}

function definitionOf({ name, version }: BundleInfo, { name: className, calls: _, ...config }: ClassInfo): Definition {
  return { bundle: name, class: className, version, config }
}
