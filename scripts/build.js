/**
 * Builds dist/, and says nothing on stdout, which belongs to the command that was built for.
 *
 * The compiler is incremental: it writes what changed, and remembers the rest in dist/.tsbuildinfo. It never removes anything and
 * never looks whether what it wrote is still there. So this does both: the output of a source that is gone goes too (a test that was
 * deleted would run for ever), and if an output is missing the memory is dropped and everything compiled.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')
const dist = path.join(root, 'dist')
const { include, exclude } = JSON.parse(readFileSync(path.join(root, 'tsconfig.json'), 'utf8'))
const outputSuffix = /(?:\.d\.ts|\.js)(?:\.map)?$/

/** Paths below the root, without those that the compiler leaves out. */
function* filesOf(folder) {
  if (exclude.includes(folder) || !existsSync(path.join(root, folder))) return
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = path.posix.join(folder, entry.name)
    if (entry.isDirectory()) yield* filesOf(name)
    else yield name
  }
}

function removeOrphans(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name)
    if (entry.isDirectory()) removeOrphans(file)
    else if (
      outputSuffix.test(entry.name) &&
      !existsSync(path.join(root, path.relative(dist, file).replace(outputSuffix, '.ts')))
    )
      rmSync(file)
  }
  if (folder !== dist && readdirSync(folder).length === 0) rmdirSync(folder)
}

function someOutputIsMissing() {
  for (const folder of include) {
    for (const file of filesOf(folder)) {
      if (!file.endsWith('.ts') || file.endsWith('.d.ts')) continue
      const output = path.join(dist, file.slice(0, -'.ts'.length))
      if (!existsSync(`${output}.js`) || !existsSync(`${output}.d.ts`)) return true
    }
  }
  return false
}

if (existsSync(dist)) {
  removeOrphans(dist)
  if (someOutputIsMissing()) rmSync(path.join(dist, '.tsbuildinfo'), { force: true })
}

const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: root, stdio: ['ignore', 2, 2] })

// The compiler leaves the command as it would any file. npm makes it executable where the package is installed, not in a clone.
const command = path.join(dist, 'cli', 'main.js')
if (existsSync(command)) chmodSync(command, 0o755)

process.exitCode = status ?? 1
