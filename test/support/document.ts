/**
 * Markdown pages whose code is run. A block of `ts` whose first line is a comment with a file name is that file; a block of
 * `console` is what a terminal shows: commands behind `$ `, and under each what it prints. `…` stands for anything within a line.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'

/** Of the clone. */
export const root = path.join(import.meta.dirname, '..', '..', '..')

const DEFAULT_ADDRESS = 'http://127.0.0.1:9060'

export interface Block {
  readonly language: string
  readonly text: string
  /** Of its fence, counted from 1. */
  readonly line: number
  /** Of a block that is a file. */
  readonly file: string | undefined
}

export interface Command {
  readonly line: number
  readonly command: string
  readonly output: string
}

export async function readDocument(name: string): Promise<Block[]> {
  return blocksOf(await readFile(path.join(root, name), 'utf8'))
}

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = []
  const lines = markdown.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const language = /^```(\w+)$/.exec(lines[at]!)?.[1]
    if (language === undefined) continue
    const end = lines.indexOf('```', at)
    if (end < 0) throw new Error(`the block at line ${at + 1} has no end`)
    const text = `${lines.slice(at + 1, end).join('\n')}\n`
    blocks.push({ language, text, line: at + 1, file: /^\/\/ ([\w.-]+\.\w+)\n/.exec(text)?.[1] })
    at = end
  }
  return blocks
}

export function commandsOf({ text, line }: Block): Command[] {
  const commands: { line: number; command: string; output: string }[] = []
  for (const [at, row] of text.split('\n').slice(0, -1).entries()) {
    if (row.startsWith('$ ')) commands.push({ line: line + 1 + at, command: row.slice(2), output: '' })
    else commands.at(-1)!.output += `${row}\n`
  }
  return commands
}

/** A folder within the package, where its name can be imported, and the cluster that pages find at the default address. */
export class PageRunner implements AsyncDisposable {
  readonly folder: string
  address: string
  readonly #children = new Set<ChildProcess>()

  private constructor(folder: string, address: string) {
    this.folder = folder
    this.address = address
  }

  static async open(address = DEFAULT_ADDRESS): Promise<PageRunner> {
    const parent = path.join(root, '.glider')
    await mkdir(parent, { recursive: true })
    return new PageRunner(await mkdtemp(path.join(parent, 'page-')), address)
  }

  /** Keeps a block that is a file. */
  async save({ file, text }: Block): Promise<void> {
    if (file !== undefined) await writeFile(path.join(this.folder, file), text.replaceAll(DEFAULT_ADDRESS, this.address))
  }

  /** Runs a command to its end and compares what it prints. */
  async run({ command, output, line }: Command, folder = this.folder): Promise<void> {
    const child = this.#spawn(command, folder)
    let printed = ''
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text
      })
    }
    await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
    this.#children.delete(child)
    expect(printed, `line ${line}: ${command}`).toMatch(pattern(output.replaceAll(DEFAULT_ADDRESS, this.address)))
  }

  /** Starts a cluster on any free port, compares what it prints, and is at its address from then on. Answers how to stop it. */
  async up({ command, output, line }: Command): Promise<() => Promise<void>> {
    const child = this.#spawn(`${command} --port 0`, this.folder)
    const exited = once(child, 'close')
    let complaint = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      complaint += text
    })
    const expected = output.trimEnd().split('\n')
    const printed: string[] = []
    for await (const row of createInterface({ input: child.stdout! })) {
      printed.push(row)
      if (printed.length === expected.length) break
    }
    this.address = /http:\/\/[\d.]+:\d+/.exec(printed[0] ?? '')?.[0] ?? ''
    expect(this.address, `line ${line}: ${command}: ${complaint}`).not.toBe('')
    expect(printed.join('\n'), `line ${line}: ${command}`).toBe(expected.join('\n').replaceAll(DEFAULT_ADDRESS, this.address))
    return async () => {
      // As the terminal does on Ctrl-C: to the whole group.
      process.kill(-child.pid!, 'SIGINT')
      await exited
      this.#children.delete(child)
    }
  }

  #spawn(command: string, folder: string): ChildProcess {
    const child = spawn('bash', ['-c', command], {
      cwd: folder,
      // A group of its own, so that nothing of it is left behind.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        GLIDER_ADDRESS: this.address,
        FORCE_COLOR: undefined,
        NO_COLOR: '1',
        // What npm itself has to say is no output of the command.
        npm_config_loglevel: 'error',
        npm_config_update_notifier: 'false',
      },
    })
    this.#children.add(child)
    return child
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of this.#children) {
      try {
        process.kill(-pid!, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
    await rm(this.folder, { recursive: true, force: true })
  }
}

function pattern(output: string): RegExp {
  const escaped = output.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)
  return new RegExp(`^${escaped.replaceAll('…', '.*')}$`)
}

/** What the compiler finds wrong with the files of a folder that uses the package, in strict mode. */
export async function typeCheck(folder: string, files: readonly string[]): Promise<string> {
  const compilerOptions = {
    target: 'esnext',
    module: 'nodenext',
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    types: ['node'],
  }
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const child = spawn(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let complaint = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  await once(child, 'close')
  return complaint
}
