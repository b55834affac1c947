import { findSourceMap } from 'node:module'
import { dirname, join } from 'node:path'
import { SOURCE_ROOT } from '../../protocol/bundle-source.ts'

/** Of a call in a stack trace, with `file:line:column` in the end; in parentheses where the function has a name. */
const FRAME = /^\s+at .*?\(?([^\s()]+):(\d+):(\d+)\)?$/gm
/** What a message names: in quotes, but for modules of Node itself. */
const NAMED = /'([^']+)'|built-in module: (\S+)/g

/** Finds the places of the author's sources, as `file:line:column`, that something in a bundle comes from. */
export class BundlePlaces {
  /** Where nothing better is known. */
  readonly beginning: string
  readonly #path: string
  readonly #code: string
  readonly #file: string

  /**
   * @param path of the bundle
   * @param file what was deployed, as its author has called it
   */
  constructor(path: string, code: string, file: string) {
    this.#path = path
    this.#code = code
    this.#file = file
    this.beginning = `${file}:1:1`
  }

  /** Of what loading the bundle has thrown. */
  ofThrown(thrown: unknown): string {
    if (!(thrown instanceof Error)) return this.beginning
    for (const [, source, line, column] of (thrown.stack ?? '').matchAll(FRAME)) {
      if (source!.startsWith(SOURCE_ROOT)) return this.#placeIn(source!, Number(line), Number(column))
      if (source!.endsWith(this.#path)) return this.#ofBundle(Number(line) - 1, Number(column) - 1)
    }
    // The loader's own errors have no frame of whoever imports.
    return this.#ofImport(thrown.message) ?? this.beginning
  }

  /** Of `about` in the source of a class (or of one above it), or else of the class. */
  ofClass(Class: object, about: string): string {
    const pattern = new RegExp(`\\b${about.replaceAll(' ', String.raw`\s+`)}\\b`)
    let first: number | undefined
    for (let one: unknown = Class; typeof one === 'function'; one = Object.getPrototypeOf(one) as unknown) {
      const source = Function.prototype.toString.call(one)
      const start = this.#code.indexOf(source)
      if (start < 0) continue
      first ??= start
      const at = pattern.exec(source)?.index
      if (at !== undefined) return this.#at(start + at)
    }
    return first === undefined ? this.beginning : this.#at(first)
  }

  /** The import of a name that the message quotes, or the first one whose name is only known when it runs. */
  #ofImport(message: string): string | undefined {
    const imports = [...this.#code.matchAll(/^import [^;]*;|\bimport\([^)]*\)/gm)]
    // What is missing in a module is named after the module.
    for (const [, quoted, builtIn] of [...message.matchAll(NAMED)].reverse()) {
      const last = (quoted ?? builtIn!).replace(/^\.\//, '')
      for (const { 0: statement, index } of imports) {
        // A name that is imported stands alone, one of a module may be the end of its path.
        if (new RegExp(`(?<![\\w$])${escaped(last)}(?![\\w$])`).test(statement)) return this.#at(index)
      }
    }
    const computed = imports.find(([statement]) => /^import\(\s*[^'"\s]/.test(statement))
    return computed && this.#at(computed.index)
  }

  #at(index: number): string {
    const before = this.#code.slice(0, index)
    return this.#ofBundle(before.split('\n').length - 1, index - (before.lastIndexOf('\n') + 1))
  }

  /** Both counted from 0. */
  #ofBundle(line: number, column: number): string {
    const entry = findSourceMap(this.#path)?.findEntry(line, column)
    if (!entry || !('originalSource' in entry)) return `${this.#file}:${line + 1}:${column + 1}`
    return this.#placeIn(entry.originalSource, entry.originalLine + 1, entry.originalColumn + 1)
  }

  #placeIn(source: string, line: number, column: number): string {
    return `${join(dirname(this.#file), source.slice(SOURCE_ROOT.length))}:${line}:${column}`
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)
}
