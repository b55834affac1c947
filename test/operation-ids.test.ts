import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'
import { trace } from '@opentelemetry/api'
import { type ActionNode, StoreClient } from 'glider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EndedSpan, MemoryTracer } from '../protocol/testing/memory-tracer.ts'
import { failureOf } from './support/failure.ts'
import { temporaryFolder } from './support/shared-cluster.ts'
import { textOf, writeAll } from './support/streams.ts'

const source = `import { Action } from 'glider/action'
export class Told extends Action {
  static calls = ['say', 'pass', 'fail']
  onCreate() { this.log.info('created') }
  async onWrite(input) { this.log.info('wrote ' + await input.text()) }
  async onRead(output) { console.log('read'); await output.write('x') }
  say(what) { this.log.info(what); setTimeout(() => { throw new Error(what + ' later') }, 1) }
  async pass([path, what]) { await (await this.store.lookup(path, 'action')).call('say', what) }
  fail() { throw new Error('on purpose') }
}`

interface Line {
  readonly level: number
  readonly msg: string
  readonly [field: string]: unknown
}

/** A server with all that it logs. */
class Watched {
  readonly lines: Line[] = []
  readonly #child: ChildProcess
  #heard = (): void => {}
  address = ''

  constructor(role: string, flags: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const main = path.join(import.meta.dirname, '..', `${role}-server`, 'main.js')
    const all = ['--port', '0', '--log-level', 'debug', ...flags]
    this.#child = fork(main, all, { env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
    createInterface(this.#child.stderr!).on('line', line => {
      this.lines.push(JSON.parse(line) as Line)
      this.#heard()
    })
  }

  async ready(): Promise<void> {
    const [message] = (await once(this.#child, 'message')) as [{ address: string }]
    this.address = message.address
  }

  /** The first line that fits, once it is there. */
  async line(fits: Partial<Line>): Promise<Line> {
    for (;;) {
      const found = this.lines.find(line => Object.entries(fits).every(([name, value]) => line[name] === value))
      if (found) return found
      await new Promise<void>(resolve => {
        this.#heard = resolve
      })
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exit
  }
}

class Servers {
  readonly metadata = new Watched('metadata', [])
  active!: Watched

  async start(env: NodeJS.ProcessEnv = {}): Promise<void> {
    await this.metadata.ready()
    this.active = new Watched('active', ['--metadata', this.metadata.address, '--threads', '1', '--slots', '4'], env)
    await this.active.ready()
  }

  async stop(): Promise<void> {
    await this.active?.stop()
    await this.metadata.stop()
  }

  async connect(file: string, operationIds: boolean): Promise<StoreClient> {
    const store = await StoreClient.connect(`http://${this.metadata.address}`, { operationIds })
    await store.deploy(file)
    return store
  }
}

async function make(store: StoreClient, name: string): Promise<ActionNode> {
  const node = await store.create(name, 'action')
  await node.create('Told')
  return node
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let file: string
beforeAll(async () => {
  folder = await temporaryFolder()
  file = path.join(folder.path, 'told.ts')
  await writeFile(file, source)
})
afterAll(() => folder[Symbol.asyncDispose]())

describe('operation ids', () => {
  const servers = new Servers()
  beforeAll(() => servers.start())
  afterAll(() => servers.stop())

  it('follow a request from the client through the servers into turns, and from there to further actions', async () => {
    const { metadata, active } = servers
    await using store = await servers.connect(file, true)
    const node = await make(store, '/a')
    const creating = await active.line({ msg: 'created' })
    const created = creating['operation'] as string
    expect(created).toMatch(/^[\w-]{8}-\d+$/)
    expect(await metadata.line({ operation: created })).toMatchObject({ level: 20, msg: 'createObject', ms: expect.any(Number) })
    const other = await make(store, '/b')

    await node.call('pass', ['/b', 'hello'])
    const { operation: called, path: where } = await active.line({ msg: 'hello' })
    expect(where).toBe('/b')
    const calls = [
      await active.line({ operation: called, path: '/b', level: 20 }),
      await active.line({ operation: called, path: '/a' }),
    ]
    expect(calls).toMatchObject([{ msg: 'callAction' }, { msg: 'callAction' }])
    // What the turn has left behind it still belongs to the operation.
    const later = await active.line({ level: 50 })
    expect(later).toMatchObject({ operation: called, msg: expect.stringContaining('hello later') })

    const whole = node.createWriteStream()
    whole.end('whole')
    await finished(whole)
    const writer = await node.openWriter()
    await writer.write(Buffer.from('direct'))
    await writer.close()
    await writeAll(node.createWriteStream(), 'pieces')
    for (const [said, name] of [
      ['wrote whole', 'writeActionWhole'],
      ['wrote direct', 'writeAction'],
      ['wrote pieces', 'writeAction'],
    ] as const) {
      const { operation } = await active.line({ msg: said })
      expect(operation).toBeDefined()
      await active.line({ operation, msg: name })
    }
    expect(await textOf(node.createReadStream())).toBe('x')
    const { operation: read } = await active.line({ msg: 'read' })
    await active.line({ operation: read, msg: 'readAction' })

    const failure = await failureOf(node.call('fail'))
    expect(failure.code).toBe('ACTION_FAILED')
    expect(await active.line({ operation: failure.operation! })).toMatchObject({ msg: 'callAction', code: 'ACTION_FAILED' })
    const logged = []
    for await (const line of node.logs({ follow: false })) logged.push([line.message, line.operation])
    expect(logged).toContainEqual(['created', created])
    expect(logged).toContainEqual(['read', read])
    for (const { path: name } of [node, other]) await store.delete(name)
  })

  it('are nowhere where nobody has asked for them', async () => {
    const { metadata, active } = servers
    await using store = await servers.connect(file, false)
    const from = [metadata.lines.length, active.lines.length]
    const node = await make(store, '/quiet')
    await node.call('say', 'quiet')
    await writeAll(node.createWriteStream(), 'quiet')
    expect((await failureOf(node.call('fail'))).operation).toBeUndefined()
    await active.line({ msg: 'wrote quiet' })
    await node.delete()
    const lines = [...metadata.lines.slice(from[0]), ...active.lines.slice(from[1])]
    expect(lines.length).toBeGreaterThan(2)
    expect(lines.filter(line => 'operation' in line)).toEqual([])
    await store.delete('/quiet')
  })
})

describe('spans', () => {
  const servers = new Servers()
  const spans: EndedSpan[] = []
  let serverSpans: string
  beforeAll(async () => {
    serverSpans = path.join(folder.path, 'spans')
    await appendFile(serverSpans, '')
    const provider = path.join(folder.path, 'provider.mjs')
    const tracer = new URL('../protocol/testing/memory-tracer.js', import.meta.url).href
    const told = `span => appendFileSync(${JSON.stringify(serverSpans)}, JSON.stringify(span) + '\\n')`
    await writeFile(
      provider,
      `import { appendFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { trace } from ${JSON.stringify(import.meta.resolve('@opentelemetry/api'))}
import { MemoryTracer } from ${JSON.stringify(tracer)}
const tracer = new MemoryTracer(${told}, isMainThread ? 'a' : 'b')
trace.setGlobalTracerProvider({ getTracer: () => tracer })`,
    )
    await servers.start({ NODE_OPTIONS: `--import=${provider}` })
  })
  afterAll(() => servers.stop())

  it('lead from the client to the active server, into the thread and on to further actions', async () => {
    const tracer = new MemoryTracer(span => spans.push(span))
    trace.setGlobalTracerProvider({ getTracer: () => tracer })
    try {
      await using store = await servers.connect(file, false)
      const node = await make(store, '/a')
      await make(store, '/b')
      await node.call('pass', ['/b', 'hello'])
      const call = spans.find(({ name }) => name === 'glider.callAction')!
      expect(call).toMatchObject({ attributes: { 'glider.path': '/a' }, parentId: undefined })
      expect(spans.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['glider.create', 'glider.createObject', 'glider.deploy']),
      )
      expect(spans.find(({ parentId }) => parentId === call.spanId)?.name).toBe('glider.openObject')

      const there = (await readFile(serverSpans, 'utf8'))
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line) as EndedSpan)
      const ofCall = there.filter(({ traceId }) => traceId === call.traceId)
      const below = (id: string, name: string): EndedSpan => {
        const found = ofCall.find(span => span.parentId === id && span.name === name)
        expect(found, `${name} below ${id}`).toBeDefined()
        return found!
      }
      const outer = below(call.spanId, 'glider.callAction')
      below(outer.spanId, 'glider.lookup')
      const inner = below(outer.spanId, 'glider.callAction')
      expect(below(inner.spanId, 'glider.callAction').attributes).toMatchObject({ 'glider.path': '/b' })
      const { operation } = await servers.active.line({ msg: 'hello' })
      expect(operation).toContain(call.traceId)
    } finally {
      trace.disable()
    }
  })
})
