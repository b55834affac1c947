import { access } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import type { BuildFailure } from 'esbuild'
import { GliderError } from '../protocol/errors.ts'

/** CommonJS packages among the imports may `require` what is built into Node. */
const REQUIRE_BANNER =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"

/** The name that a bundle gets where none is said: the file's base name without its ending. */
export function bundleName(file: string): string {
  return basename(file, extname(file))
}

/**
 * Makes one ES module of a TypeScript or JavaScript file and what it imports. `glider` and `glider/*` stay imports: the server
 * has its own copy of them.
 * @throws GliderError NOT_FOUND where the file is missing, INVALID_ARGUMENT with file and line where it does not compile
 */
export async function bundle(file: string): Promise<Buffer> {
  const entry = resolve(file)
  try {
    await access(entry)
  } catch (cause) {
    throw new GliderError('NOT_FOUND', `there is no file ${file} to deploy`, { cause })
  }
  // Loaded only here: most programs, and all actions, never deploy.
  const { build } = await import('esbuild')
  try {
    const result = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      external: ['glider', 'glider/*'],
      banner: { js: REQUIRE_BANNER },
      sourcemap: 'inline',
      sourcesContent: false,
      keepNames: true,
      logLevel: 'silent',
    })
    return Buffer.from(result.outputFiles[0]!.contents)
  } catch (error) {
    throw new GliderError('INVALID_ARGUMENT', `${file} does not compile: ${describe(error as BuildFailure)}`, { cause: error })
  }
}

function describe(failure: BuildFailure): string {
  const [first] = failure.errors ?? []
  if (!first) return failure.message
  const { location, text } = first
  return location ? `${location.file}:${location.line}:${location.column}: ${text}` : text
}
