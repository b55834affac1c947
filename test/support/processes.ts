import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'

const root = path.join(import.meta.dirname, '..', '..', '..')

/** A child process that runs a piece of JavaScript with the package at hand, and speaks in lines of JSON. */
export interface Script extends AsyncDisposable {
  readonly process: ChildProcess
  /** The next line on its stdout. */
  line(): Promise<string>
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>
  readonly complaint: () => string
}

/** The script lies within the package, so that it can import it by its name. */
export async function startScript(source: string, args: readonly string[] = []): Promise<Script> {
  const file = path.join(root, 'dist', 'test', `script-${process.pid}-${scripts++}.mjs`)
  await writeFile(file, source)
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = createInterface({ input: child.stdout })
  const iterator = lines[Symbol.asyncIterator]()
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  return {
    process: child,
    exited,
    complaint: () => complaint,
    async line() {
      const { value, done } = await iterator.next()
      if (done) throw new Error(`the script has ended: ${complaint}`)
      return value
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
      await rm(file, { force: true })
    },
  }
}

let scripts = 0
