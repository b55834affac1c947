import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { BuildFailure } from 'esbuild'
import { describeBuildFailure } from '../client/build-failure.ts'
import { GliderError } from '../client/index.ts'
import { Exit } from './exit.ts'
import type { Io, Session } from './session.ts'

/** `test FILE...` runs tests of actions as they are, in TypeScript, with the test runner of Node. */
export function addTestCommand(program: Command, session: Session): void {
  program
    .command('test')
    .description('run tests of actions, in TypeScript or JavaScript, with the test runner of Node')
    .argument('<files...>', 'files of this machine')
    .action((files: string[]) => runTests(session.io, files))
}

async function runTests(io: Io, files: readonly string[]): Promise<void> {
  await Promise.all(files.map(checkFile))
  // Within the project, from where its packages are found.
  const folder = await mkdtemp(resolve('.glider-test-'))
  try {
    const exitCode = await runNode(io, await compile(files, folder))
    if (exitCode !== 0) throw new Exit(exitCode)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function checkFile(file: string): Promise<void> {
  const about = await stat(file).catch(() => undefined)
  if (!about) throw new GliderError('NOT_FOUND', `there is no file ${file} to test: check its path`)
  if (!about.isFile()) throw new GliderError('INVALID_ARGUMENT', `${file} is no file: name the files that have tests`)
}

async function compile(files: readonly string[], folder: string): Promise<string[]> {
  const { build } = await import('esbuild')
  try {
    const { metafile } = await build({
      entryPoints: [...files],
      outdir: folder,
      outbase: '.',
      outExtension: { '.js': '.mjs' },
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      target: 'node20',
      sourcemap: 'inline',
      keepNames: true,
      metafile: true,
      logLevel: 'silent',
    })
    return Object.keys(metafile.outputs)
  } catch (error) {
    const failure = error as BuildFailure
    if (!failure.errors?.length) throw error
    throw new GliderError(
      'INVALID_ARGUMENT',
      describeBuildFailure(failure, files.join(', '), one => one),
      { cause: error },
    )
  }
}

/** Answers its exit code. */
async function runNode(io: Io, files: readonly string[]): Promise<number> {
  const args = ['--enable-source-maps', '--test', '--test-reporter=spec', ...files]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], signal: io.signal })
  child.stdout.pipe(io.stdout, { end: false })
  child.stderr.pipe(io.stderr, { end: false })
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return exitCode ?? 1
}
