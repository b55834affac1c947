import { GliderError } from './errors.ts'

/** Longest path, in bytes of UTF-8. */
export const MAX_PATH_BYTES = 4096
/** Longest part of a path, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 255

/** Paths that need no closer look, as nearly all are: letters, digits, and signs that mean nothing. */
const PLAIN = /^(?:\/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,200})+$/

/**
 * The parts of an absolute path; the root has none. Names are kept exactly as given: no normalisation, no case folding.
 * @throws GliderError INVALID_PATH
 */
export function parsePath(path: string): string[] {
  if (typeof path !== 'string') throw invalid(String(path), 'is not a string')
  if (path.length <= MAX_PATH_BYTES && PLAIN.test(path)) return path.slice(1).split('/')
  if (!path.startsWith('/')) throw invalid(path, 'is not absolute: start it with /')
  checkLength(path)
  if (path === '/') return []
  if (path.endsWith('/')) throw invalid(path, 'ends with /: leave the last one out')
  const parts = path.slice(1).split('/')
  for (const part of parts) {
    const defect = defectOf(part)
    if (defect !== undefined) throw invalid(path, `has a part that ${defect}`)
  }
  return parts
}

/**
 * Checks a name that is given by itself: a key of a table, the name of a bundle.
 * @param what it is, for people
 * @param path that it makes
 * @throws GliderError INVALID_PATH
 */
export function checkName(name: string, what: string, path = name): void {
  const defect = defectOf(name)
  if (defect !== undefined) throw invalid(name, defect, what)
  checkLength(path)
}

function checkLength(path: string): void {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw invalid(path, `is longer than ${MAX_PATH_BYTES} bytes`)
}

/** What is wrong with one part of a path. */
function defectOf(name: string): string | undefined {
  if (typeof name !== 'string') return 'is not a string'
  if (name === '') return 'is empty'
  if (name === '.' || name === '..') return `is ${name}, and paths are not relative`
  if (name.includes('/')) return 'holds /, which stands between names'
  if (name.includes('\0')) return 'holds a NUL character'
  if (!name.isWellFormed()) return 'holds an unpaired surrogate'
  return Buffer.byteLength(name) > MAX_NAME_BYTES ? `is longer than ${MAX_NAME_BYTES} bytes` : undefined
}

export function joinPath(parent: string, name: string): string {
  return parent === '/' ? `/${name}` : `${parent}/${name}`
}

export function parentPath(path: string): string {
  const cut = path.lastIndexOf('/')
  return cut <= 0 ? '/' : path.slice(0, cut)
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function invalid(name: string, why: string, what = 'path'): GliderError {
  const text = String(name)
  const shown = text.length > 120 ? `${text.slice(0, 120)}…` : text
  return new GliderError('INVALID_PATH', `the ${what} ${JSON.stringify(shown)} ${why}`)
}
