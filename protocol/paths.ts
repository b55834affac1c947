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
  for (const part of parts) checkPart(part, path)
  return parts
}

/**
 * Checks a name that is given by itself, such as a key of a table, and the path that it makes.
 * @throws GliderError INVALID_PATH
 */
export function checkName(name: string, path = name): void {
  checkPart(name, path)
  checkLength(path)
}

function checkLength(path: string): void {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw invalid(path, `is longer than ${MAX_PATH_BYTES} bytes`)
}

function checkPart(name: string, path: string): void {
  if (typeof name !== 'string') throw invalid(String(path), 'has a part that is not a string')
  if (name === '') throw invalid(path, 'has an empty part')
  if (name === '.' || name === '..') throw invalid(path, `has the part ${name}: paths are not relative`)
  if (name.includes('/')) throw invalid(path, 'is one part and cannot hold /')
  if (name.includes('\0')) throw invalid(path, 'holds a NUL character')
  if (!name.isWellFormed()) throw invalid(path, 'holds an unpaired surrogate')
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw invalid(path, `has a part longer than ${MAX_NAME_BYTES} bytes`)
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

function invalid(path: string, why: string): GliderError {
  const shown = path.length > 120 ? `${path.slice(0, 120)}…` : path
  return new GliderError('INVALID_PATH', `the path ${JSON.stringify(shown)} ${why}`)
}
