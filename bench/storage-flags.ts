/** Flags of storage servers that a benchmark would like to give, where the server knows them. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Keeps the loop of a server turning while answers may be asked for. */
export const SPIN_FLAG = '--spin'
/** When a server touches the memory that it is going to use; followed by `all` or `off`. */
export const PREFAULT_FLAG = '--prefault'

let help: Promise<string> | undefined

export async function storageKnows(name: string): Promise<boolean> {
  help ??= askForHelp()
  return new RegExp(`\\s${name}\\b`).test(await help)
}

/** `--prefault` with this value, or nothing where there is no such flag. */
export async function prefault(what: 'all' | 'off'): Promise<string[]> {
  return (await storageKnows(PREFAULT_FLAG)) ? [PREFAULT_FLAG, what] : []
}

async function askForHelp(): Promise<string> {
  const main = fileURLToPath(new URL('../storage-server/main.js', import.meta.url))
  return (await promisify(execFile)(process.execPath, [main, '--help'])).stdout
}
