/**
 * The folder of the bundles of a confined server. Always holds: there is no link in it, since Node checks a path by its text, and behind
 * a link `..` leads to another place than the text says; and what `glider` leads to is not where the server may write.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { makeTemporaryFolder } from './bundles.ts'

export interface ConfinedFolder {
  readonly folder: string
  /** Within it, where bundles are put. */
  readonly code: string
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
}

/** @param own the package of this server */
export async function makeConfinedFolder(own: string): Promise<ConfinedFolder> {
  const folder = await makeTemporaryFolder()
  const [code, glider] = [path.join(folder, 'code'), path.join(folder, 'node_modules', 'glider')]
  await mkdir(code)
  await mkdir(glider, { recursive: true })
  const { exports } = JSON.parse(await readFile(path.join(own, 'package.json'), 'utf8')) as Manifest
  const stubs: Record<string, string> = {}
  for (const [name, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue
    const stub = `./stub-${Object.keys(stubs).length}.mjs`
    stubs[name] = stub
    await writeFile(path.join(glider, stub), `export * from '${pathToFileURL(path.join(own, target.default)).href}'\n`)
  }
  await writeFile(path.join(glider, 'package.json'), JSON.stringify({ name: 'glider', exports: stubs }))
  return { folder, code }
}
