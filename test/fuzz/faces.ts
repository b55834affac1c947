/** Everything but the frames of a plain connection: REST, WebSockets, paths, bundles and the command line, against a whole cluster. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { StoreClient } from 'glider'
import { LocalCluster } from 'glider/cluster'
import { request } from 'undici'
import { WebSocket } from 'ws'
import { run as runCommand } from '../../cli/run.ts'
import { catalogue } from '../../protocol/catalogue.ts'
import { WEBSOCKET_PATH } from '../../protocol/dial.system.ts'
import { GliderError } from '../../protocol/errors.ts'
import type { Operation } from '../../protocol/operation.ts'
import { parsePath } from '../../protocol/paths.ts'
import type { Chance } from './chance.ts'
import { within } from './frame-fuzz.ts'
import { conversation, mutate } from './frames.ts'
import { anything, Seen, spoilt, textOf, valueOf } from './values.ts'

export interface FaceCounts {
  readonly rest: number
  readonly webSockets: number
  readonly paths: number
  readonly sources: number
  readonly modules: number
  readonly commands: number
}

/** They take servers out of the cluster that is to answer. */
const notHere = new Set(['drainServer', 'removeServer', 'awaitEmpty', 'register'])

export class Faces implements AsyncDisposable {
  readonly #cluster: LocalCluster
  readonly #store: StoreClient
  readonly #chance: Chance
  readonly #seen = new Seen()
  readonly #folder: string
  readonly statuses: Record<string, number> = {}

  private constructor(cluster: LocalCluster, store: StoreClient, chance: Chance, folder: string) {
    this.#cluster = cluster
    this.#store = store
    this.#chance = chance
    this.#folder = folder
  }

  static async open(chance: Chance): Promise<Faces> {
    const cluster = await LocalCluster.start({ inProcess: true, capacity: '32MiB', slots: 8, threads: 1, logLevel: 'silent' })
    const folder = await mkdtemp(path.join(tmpdir(), 'glider-fuzz-'))
    return new Faces(cluster, await StoreClient.connect(cluster.address), chance, folder)
  }

  async run(counts: FaceCounts, progress: (text: string) => void): Promise<void> {
    for (const face of ['paths', 'rest', 'webSockets', 'sources', 'modules', 'commands'] as const) {
      for (let done = 0; done < counts[face]; done++) {
        await this.#once(face)
        if (done % 50 > 0) continue
        progress(`${face}: ${done}`)
        await within(`a transfer beside ${face}`, this.#check())
      }
    }
    for await (const node of this.#store.list('/')) await this.#store.delete(node.path, { recursive: true })
    const { found, unchecked } = await this.#store.fsck()
    const wrong = Object.entries(found).filter(([, count]) => count > 0)
    if (wrong.length + unchecked.length > 0) throw new Error(`after all of it, fsck finds ${JSON.stringify(found)}`)
  }

  #once(face: keyof FaceCounts): Promise<void> | void {
    switch (face) {
      case 'paths':
        return this.#path()
      case 'rest':
        return within('an answer of REST', this.#rest())
      case 'webSockets':
        return within('an answer to a ping, or a close', this.#webSocket())
      case 'sources':
        return within('a deployment', this.#source())
      case 'modules':
        return within('a deployment', this.#module())
      case 'commands':
        return within('a command', this.#command())
    }
  }

  /** What another client does meanwhile. */
  async #check(): Promise<void> {
    const bytes = this.#chance.bytes(20_000)
    await this.#store.put('/checked', bytes)
    if (!(await this.#store.get('/checked')).equals(bytes)) throw new Error('/checked holds other bytes than were put')
  }

  #path(): void {
    const chance = this.#chance
    const given = chance.oneIn(2)
      ? `/${chance.text(20)}`
      : chance.of(['/a', '/é', '/a/b']) + chance.of(['', '/', '/..', '\0', '/x'])
    try {
      const parts = parsePath(given)
      if (given !== '/' && `/${parts.join('/')}` !== given) throw new Error(`${JSON.stringify(given)} became another path`)
    } catch (error) {
      if (!(error instanceof GliderError) || error.code !== 'INVALID_PATH') throw error
    }
  }

  async #rest(): Promise<void> {
    const chance = this.#chance
    const operations = (Object.values(catalogue) as Operation[]).filter(
      ({ server, internal, name }) => server === 'metadata' && !internal && !notHere.has(name),
    )
    const { name, headSchema } = chance.of(operations)
    const value = valueOf(headSchema, chance, this.#seen)
    const given = {
      ...(value as object),
      ...(name === 'put' || name === 'deploy' ? { bytes: chance.of(['', 'YQ==', '%', 7]) } : {}),
    }
    let body: string | Buffer = textOf(chance.oneIn(2) ? spoilt(given, chance) : given, chance)
    if (chance.oneIn(10)) body = chance.oneIn(2) ? body.slice(0, chance.below(body.length + 1)) : chance.bytes(100)
    if (name === 'createObject' && chance.oneIn(3))
      body = textOf({ path: '/act', definition: 'std/Counter', params: anything(chance) }, chance)
    const { statusCode, body: answer } = await request(
      `${this.#cluster.address}${chance.oneIn(30) ? `/${encodeURI(chance.text(20).toWellFormed())}` : `/v1/${name}`}`,
      {
        method: chance.oneIn(30) ? chance.of(['GET', 'PUT', 'DELETE', 'PATCH']) : 'POST',
        headers: {
          'content-type': chance.oneIn(30)
            ? chance.of(['text/plain', 'application/x', 'application/json; charset=latin1'])
            : 'application/json',
        },
        body,
      },
    )
    const said = await answer.text()
    this.statuses[`REST ${statusCode}`] = (this.statuses[`REST ${statusCode}`] ?? 0) + 1
    if (statusCode >= 500 && ![503, 504, 507].includes(statusCode)) {
      throw new Error(`POST ${name} ${body.toString().slice(0, 300)}: ${statusCode} ${said.slice(0, 500)}`)
    }
    if (statusCode === 200 && said.startsWith('{')) this.#seen.learn(JSON.parse(said))
  }

  /** A conversation in messages that are cut anywhere, some of them text, and a ping behind it. */
  async #webSocket(): Promise<void> {
    const chance = this.#chance
    const operations = (Object.values(catalogue) as Operation[]).filter(
      ({ server, name }) => server === 'metadata' && !notHere.has(name),
    )
    const conversed = conversation({ operations, locations: [] }, this.#seen, chance, 2 + chance.below(30))
    mutate(conversed, chance)
    const bytes = Buffer.concat(conversed.frames)
    const socket = new WebSocket(`${this.#cluster.address.replace('http', 'ws')}${WEBSOCKET_PATH}`, { perMessageDeflate: false })
    const closed = new Promise<void>(resolve => {
      socket.on('close', () => resolve())
      socket.on('error', () => resolve())
    })
    await new Promise<void>(resolve => {
      socket.on('open', () => resolve())
      void closed.then(resolve)
    })
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + chance.below(chance.of([20, 2_000, 200_000]))
      socket.send(bytes.subarray(at, at + size))
      at += size
    }
    if (chance.oneIn(5)) socket.send(chance.text(50))
    // Whether it has taken all of it: the WebSocket itself answers a ping behind it.
    const answered = new Promise<void>(resolve => socket.on('pong', () => resolve()))
    if (socket.readyState === socket.OPEN) socket.ping()
    await Promise.race([answered, closed])
    socket.terminate()
    await closed
  }

  /** What is deployed: source that may not compile. */
  async #source(): Promise<void> {
    const chance = this.#chance
    let source = chance.of(sources)
    for (let changes = 1 + chance.below(3); changes > 0; changes--) {
      const at = chance.below(source.length)
      source =
        source.slice(0, at) +
        chance.of(['', '{', '}', '`', '\0', 'import "x"', '\ud800', '/*', chance.text(5)]) +
        source.slice(at + chance.below(8))
    }
    const file = path.join(this.#folder, 'fuzzed.ts')
    await writeFile(file, source)
    await refusedOrDone(this.#store.deploy(file))
  }

  /** The bytes of a module, as REST takes them. */
  async #module(): Promise<void> {
    const chance = this.#chance
    const module = Buffer.from(chance.of(modules))
    for (let changes = chance.below(4); changes > 0; changes--) module[chance.below(module.length)] = chance.below(256)
    const body = JSON.stringify({ name: 'module', bytes: module.toString('base64') })
    const headers = { 'content-type': 'application/json' }
    const { statusCode, body: answer } = await request(`${this.#cluster.address}/v1/deploy`, { method: 'POST', headers, body })
    const said = await answer.text()
    if (statusCode !== 200 && statusCode !== 400)
      throw new Error(`a module of ${module.length} bytes: ${statusCode} ${said.slice(0, 500)}`)
  }

  async #command(): Promise<void> {
    const chance = this.#chance
    const args = [...chance.of(commands)].map(arg =>
      chance.oneIn(6) ? chance.of([chance.text(10), '', '--', '-', '--json', '--help', '/a']) : arg,
    )
    if (chance.oneIn(3)) args.splice(chance.below(args.length + 1), 0, chance.of(flags))
    // What would start servers, programs, or write files somewhere is not for chance to say.
    if (args.some(arg => ['up', 'demo', 'test', 'lease', 'new', 'servers', 'get', 'deploy'].includes(arg))) return
    const stdout = new PassThrough()
    const stderr = new PassThrough()
    const said = Promise.all([text(stdout), text(stderr)])
    const stop = AbortSignal.timeout(1_000)
    const stdin = Readable.from([chance.bytes(50)], { objectMode: false })
    const code = await runCommand(['--address', this.#cluster.address, ...args], { stdin, stdout, stderr, signal: stop })
    stdout.end()
    stderr.end()
    const [, complaint] = await said
    this.statuses[`exit ${code}`] = (this.statuses[`exit ${code}`] ?? 0) + 1
    if (![0, 1, 2].includes(code) || /INTERNAL/.test(complaint))
      throw new Error(`glider ${JSON.stringify(args)}: exit ${code}: ${complaint}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close()
    await this.#cluster.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function refusedOrDone(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof GliderError) || error.code !== 'INVALID_ARGUMENT') throw error
  }
}

const sources = [
  `import { Action, type ActionInput } from 'glider/action'
export class Echo extends Action {
  static calls = ['size']
  #bytes = 0
  async onWrite(input: ActionInput) { for await (const chunk of input) this.#bytes += chunk.length }
  size() { return this.#bytes }
}
`,
  `import { Action } from 'glider/action'
import { readFileSync } from 'node:fs'
export class Static extends Action { static interleaved = true; static turnTimeout = '1s'; static memory = '1MiB' }
export const other = 7
`,
]
const modules = [
  `import { Action } from 'glider/action'\nexport class A extends Action { static calls = ['go']; go() { return 1 } }\n`,
  `import { Action } from 'glider/action'\nexport class B extends Action { static memory = 'x'; }\nthrow new Error('at load')\n`,
]
const commands = [
  ['ls', '/'],
  ['ls', '-l', '/a'],
  ['mkdir', '-p', '/a/b'],
  ['put', '-', '/a/f'],
  ['cat', '/a/f'],
  ['rm', '-r', '/a'],
  ['mv', '/a', '/b'],
  ['stat', '/a'],
  ['create', 'table', '/t'],
  ['fsck'],
  ['usage'],
  ['action', 'create', '/act', 'Counter'],
  ['action', 'call', '/act', 'value', '1'],
  ['action', 'write', '/act', '-'],
  ['action', 'read', '/act'],
  ['action', 'delete', '/act'],
  ['action', 'logs', '/act'],
  ['nonsense'],
] as const
const flags = [
  '--json',
  '--verbose',
  '--address',
  '--token',
  '--ttl',
  '--class',
  '--params',
  '--nonsense',
  '-r',
  '-p',
  '--help',
  '=',
  '--mode=x',
  '--ttl=-1s',
  '--class=,',
]
