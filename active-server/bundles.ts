import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { GliderError } from '../protocol/errors.ts'

/** Behind it stands the process id of the server. */
const FOLDER_PREFIX = 'glider-bundles-'
/** Characters of the SHA-256 of a bundle's code that name its version. */
const VERSION_CHARACTERS = 32

/**
 * The code of deployed bundles, as files that threads can import. They lie in a folder of their own, in which `glider` means
 * this server's own copy: a bundle's class extends the very `Action` that the threads know.
 */
export class BundleFiles {
  readonly #folder: string
  readonly #isOwn: boolean
  readonly #fetch: (version: string) => Promise<Buffer>
  readonly #modules = new Map<string, Promise<string>>()

  private constructor(folder: string, fetch: (version: string) => Promise<Buffer>, isOwn: boolean) {
    this.#folder = folder
    this.#isOwn = isOwn
    this.#fetch = fetch
  }

  /** @param folder one in which `glider` is known, where this process may make none; see confined-folder.ts */
  static async create(fetch: (version: string) => Promise<Buffer>, folder?: string): Promise<BundleFiles> {
    return new BundleFiles(folder ?? (await makeBundleFolder()), fetch, folder === undefined)
  }

  /** URL of the module of a version, fetched when it is first asked for. */
  module(version: string): Promise<string> {
    let module = this.#modules.get(version)
    if (!module) {
      module = this.#write(version)
      this.#modules.set(version, module)
      module.catch(() => this.#modules.delete(version))
    }
    return module
  }

  /** Its file stays only where `look` finds nothing wrong with it. */
  async tryOut<T>(version: string, look: (module: string) => Promise<T>): Promise<T> {
    const isNew = !this.#modules.has(version)
    const module = await this.module(version)
    try {
      return await look(module)
    } catch (error) {
      if (isNew) {
        this.#modules.delete(version)
        await rm(fileURLToPath(module), { force: true })
      }
      throw error
    }
  }

  async #write(version: string): Promise<string> {
    const code = await this.#fetch(version)
    const hash = createHash('sha256').update(code).digest('hex').slice(0, VERSION_CHARACTERS)
    if (hash !== version) throw new GliderError('INTERNAL', `the bundle ${version} came with other code, ${hash}`)
    const file = join(this.#folder, `${version}.mjs`)
    await writeFile(file, code)
    return pathToFileURL(file).href
  }

  async remove(): Promise<void> {
    if (this.#isOwn) await rm(this.#folder, { recursive: true, force: true })
  }
}

/** In which `glider` leads to this server's own copy. */
async function makeBundleFolder(): Promise<string> {
  const folder = await makeTemporaryFolder()
  await mkdir(join(folder, 'node_modules'))
  await symlink(fileURLToPath(new URL('../..', import.meta.url)), join(folder, 'node_modules', 'glider'))
  return folder
}

/** A folder that is nobody's any more once this process is gone. */
export async function makeTemporaryFolder(remove: typeof rm = rm): Promise<string> {
  await removeLeftBehind(remove)
  return mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`))
}

/** A server that was killed could not remove its folder: the next one does. */
async function removeLeftBehind(remove: typeof rm): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(FOLDER_PREFIX) ? Number.parseInt(name.slice(FOLDER_PREFIX.length), 10) : Number.NaN
    if (Number.isNaN(pid) || isRunning(pid)) continue
    try {
      await remove(join(tmpdir(), name), { recursive: true, force: true })
    } catch (error) {
      // Those of others on this machine are theirs to remove, and keep no server from starting.
      if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is one all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The standard library, which is part of the server itself. */
export const STANDARD_BUNDLE = 'std'
export const standardModule = new URL('../actions/standard/index.js', import.meta.url).href
