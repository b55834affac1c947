/**
 * Runs every check on the form of the sources at once: biome for the format, oxlint for the code, dependency-cruiser for who imports
 * whom. Silent on what is right; exit 1 if anything is not. `node scripts/lint.js FOLDER` checks a copy of the tree.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const root = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, '..'))
const { include, exclude } = JSON.parse(readFileSync(path.join(root, 'tsconfig.json'), 'utf8'))
const folders = include.filter(folder => existsSync(path.join(root, folder)))

const require = createRequire(import.meta.url)

/** The program of a package's own command, without the shell and the look-up of npx. */
function programOf(packageName, command) {
  // Not every package exports its package.json, so look where npm puts it.
  const home = require.resolve
    .paths(packageName)
    .map(folder => path.join(folder, packageName))
    .find(folder => existsSync(folder))
  if (home === undefined) throw new Error(`${packageName} is not installed: run npm ci`)
  const { bin } = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8'))
  return path.join(home, typeof bin === 'string' ? bin : bin[command])
}

/** What is wrong, or undefined. */
async function check(packageName, command, args, judge = () => undefined) {
  const child = spawn(process.execPath, [programOf(packageName, command), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const chunks = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => chunks.push(chunk))
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  const output = Buffer.concat(chunks).toString()
  return code === 0 ? judge(output) : `${output.trim()}\n${command}: exit ${code}`
}

function countSources(folder) {
  if (exclude.includes(folder)) return 0
  let count = 0
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = path.posix.join(folder, entry.name)
    if (entry.isDirectory()) count += countSources(name)
    else if (name.endsWith('.ts')) count++
  }
  return count
}

/** dependency-cruiser without its parser finds no modules, and nothing wrong with them. */
function allSourcesWereRead(output) {
  const modules = Number(/\((\d+) modules/.exec(output)?.[1] ?? 0)
  const sources = folders.reduce((sum, folder) => sum + countSources(folder), 0)
  return modules >= sources && modules > 0 ? undefined : `dependency-cruiser read ${modules} modules of at least ${sources}`
}

const complaints = await Promise.all([
  check('@biomejs/biome', 'biome', ['check', '--colors=off', '--error-on-warnings', '.']),
  // A format that is the same on a terminal, in a pipe and in CI.
  check('oxlint', 'oxlint', ['--format=unix', '.']),
  check(
    'dependency-cruiser',
    'depcruise',
    ['--config', '.dependency-cruiser.cjs', '--output-type', 'err-long', ...folders],
    allSourcesWereRead,
  ),
])
for (const complaint of complaints) if (complaint !== undefined) console.error(complaint)
process.exitCode = complaints.every(complaint => complaint === undefined) ? 0 : 1
