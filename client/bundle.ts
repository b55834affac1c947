import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import type { BuildFailure } from 'esbuild'
import { SOURCE_ROOT } from '../protocol/bundle-source.ts'
import { GliderError } from '../protocol/errors.ts'
import { describeBuildFailure } from './build-failure.ts'

/** CommonJS packages among the imports may `require` what is built into Node. */
const REQUIRE_BANNER =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"

/** The name that a bundle gets where none is said: the file's base name without its ending. */
export function bundleName(file: string): string {
  return basename(file, extname(file))
}

/**
 * Makes one ES module of a TypeScript or JavaScript file and what it imports. `glider` and `glider/*` stay imports: the server
 * has its own copy of them. The same sources give the same bytes, whatever folder they lie in.
 * @throws GliderError NOT_FOUND where the file is missing, INVALID_ARGUMENT with file and line where it does not compile
 */
export async function bundle(file: string): Promise<Buffer> {
  const folder = await folderOf(file)
  checkLanguage(file)
  // Loaded only here: most programs, and all actions, never deploy.
  const { build } = await import('esbuild')
  try {
    const result = await build({
      entryPoints: [join(folder, basename(file))],
      absWorkingDir: folder,
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      external: ['glider', 'glider/*'],
      banner: { js: REQUIRE_BANNER },
      sourcemap: 'inline',
      sourceRoot: SOURCE_ROOT,
      sourcesContent: false,
      keepNames: true,
      logLevel: 'silent',
    })
    return Buffer.from(result.outputFiles[0]!.contents)
  } catch (error) {
    const described = describeBuildFailure(error as BuildFailure, file, one => join(dirname(file), one))
    throw new GliderError('INVALID_ARGUMENT', described, { cause: error })
  }
}

async function folderOf(file: string): Promise<string> {
  try {
    const about = await stat(file)
    if (about.isFile()) return await realpath(dirname(resolve(file)))
  } catch (cause) {
    throw new GliderError('NOT_FOUND', `there is no file ${file} to deploy`, { cause })
  }
  throw new GliderError('INVALID_ARGUMENT', `${file} is no file: name the file that exports the actions`)
}

/** @throws GliderError INVALID_ARGUMENT for what no bundler takes for a module, or only to have its text */
function checkLanguage(file: string): void {
  if (/^(\.[cm]?[jt]sx?)?$/.test(extname(file))) return
  const remedy = 'name the file that exports the actions'
  throw new GliderError('INVALID_ARGUMENT', `${file}:1:1: it is neither TypeScript nor JavaScript by its name: ${remedy}`)
}
