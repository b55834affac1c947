import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ActionLogLine, ActionNode } from 'glider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeOf, failureOf } from './support/failure.ts'
import { freeSpace, itLeavesNothing, makeAction, shareCluster, temporaryFolder } from './support/shared-cluster.ts'

const MIB = 1 << 20
const THREAD_MEMORY = 96 * MIB

const shared = shareCluster({
  ...{ inProcess: false, capacity: '16MiB', slots: 6, threads: 2, threadMemory: THREAD_MEMORY, turnTimeout: '2s' },
  logLevel: 'silent',
})
let bystander: ActionNode
let level = 0

/** A number that the active server tells of itself. */
async function metric(name: string): Promise<number> {
  const { address } = shared.cluster.servers.find(({ role }) => role === 'active')!
  const text = await (await fetch(`http://${address}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

const resident = (): Promise<number> => metric('glider_resident_bytes')

/** Writes to the bystander for as long as `work` takes, and checks that every byte has arrived. */
async function besideTransfers<T>(work: () => Promise<T>): Promise<T> {
  const before = (await bystander.call('bytes')) as number
  const chunk = Buffer.alloc(64 << 10, 7)
  let sent = 0
  const over = new AbortController()
  const transfer = pipeline(
    Readable.from(
      (function* () {
        while (!over.signal.aborted) {
          sent += chunk.length
          yield chunk
        }
      })(),
    ),
    bystander.createWriteStream(),
  )
  try {
    return await work()
  } finally {
    over.abort()
    await transfer
    expect(await bystander.call('bytes')).toBe(before + sent)
  }
}

beforeAll(async () => {
  await shared.deployFixtures('accidents')
  bystander = await makeAction(shared.store, '/bystander', 'Bystander')
  await besideTransfers(() => bystander.call('thread'))
  level = await resident()
})

/** An object on the other thread than the bystander's. */
async function besideIt(at: string, definition = 'Accident'): Promise<ActionNode> {
  const node = await makeAction(shared.store, at, definition)
  expect(await node.call('thread')).not.toBe(await bystander.call('thread'))
  return node
}

/** The thread that was lost has a successor, on which objects work, and the memory of the server is what it was. */
async function expectRecovered(node: ActionNode): Promise<void> {
  await node.create('Accident')
  expect(await node.call('thread')).not.toBe(await bystander.call('thread'))
  await shared.store.delete(node.path)
  const slots = (await freeSpace(shared.store)).slots
  expect(slots).toBe(5)
  // What is kept of it is less than what it could hold.
  while ((await resident()) > level + THREAD_MEMORY);
}

describe('an object that loses its thread', () => {
  it.for([
    ['loop', /turn took longer than 2000 ms/],
    ['wait', /turn took longer than 2000 ms/],
    ['map', /hold [\d.]+ MiB of memory, more than the 96\.0 MiB of a thread/],
    ['array', /MiB of memory/],
    ['graph', /MiB of memory/],
    ['buffers', /MiB of memory/],
    ['slowly', /MiB of memory/],
    ['exit', /process\.exit\(7\)/],
    ['unguarded', /\[object Object\]/],
  ] as const)('%s: it is lost and says why, and nothing else is', { timeout: 20_000 }, async ([accident, cause]) => {
    const node = await besideIt(`/${accident}`)
    const failure = await besideTransfers(() => failureOf(node.call(accident)))
    expect(failure.code).toBe('ACTION_LOST')
    expect(failure.message).toMatch(cause)
    while ((await node.stat()).object?.state === 'live');
    const later = await failureOf(node.call('thread'))
    expect(later.code).toBe('ACTION_LOST')
    expect(later.message).toMatch(cause)
    await expectRecovered(node)
  })
})

describe('an object that goes wrong', () => {
  let node: ActionNode
  beforeAll(async () => {
    node = await besideIt('/alive', 'Patient')
  })
  afterAll(() => shared.store.delete('/alive', { recursive: true }))

  /** Follows its log until so many lines match. */
  async function logged(pattern: RegExp, count = 1): Promise<ActionLogLine[]> {
    const lines: ActionLogLine[] = []
    for await (const line of node.logs()) {
      if (pattern.test(line.message)) lines.push(line)
      if (lines.length === count) return lines
    }
    throw new Error(`the log ended before ${String(pattern)}`)
  }

  it('by recursion without end fails and lives', async () => {
    const thread = await node.call('thread')
    const failure = await failureOf(node.call('recurse'))
    expect(failure.code).toBe('ACTION_FAILED')
    expect(failure.message).toContain('Maximum call stack size exceeded')
    expect(await node.call('thread')).toBe(thread)
  })

  it('by throwing what cannot be looked at fails and lives', async () => {
    const thread = await node.call('thread')
    const failure = await failureOf(node.call('odd'))
    expect(failure.code).toBe('ACTION_FAILED')
    expect(failure.message).toContain('odd of Patient threw: something that cannot be shown')
    await logged(/uncaught: something that cannot be shown/)
    expect(await node.call('thread')).toBe(thread)
  })

  it('in a timer or a promise is logged with its path and counted', async () => {
    const thread = await node.call('thread')
    const before = await metric('glider_action_uncaught_errors_total')
    for (const accident of ['timer', 'rejection']) await node.call(accident)
    expect((await logged(/out of a timer/))[0]).toMatchObject({ level: 'error' })
    expect((await logged(/out of a promise[^]*accidents/))[0]).toMatchObject({ level: 'error' })
    expect(await metric('glider_action_uncaught_errors_total')).toBe(before + 2)
    expect(await node.call('thread')).toBe(thread)
  })

  it('is heard through console, process.stdout and this.log, by those who follow it alone', async () => {
    await node.call('say', 'good morning')
    const lines = await logged(/good morning/, 4)
    expect(lines.map(({ level: as }) => as)).toEqual(['info', 'info', 'warn', 'info'])
    expect(lines[0]!.details).toEqual({ by: 'log' })
    const others: ActionLogLine[] = []
    for await (const line of bystander.logs({ follow: false })) others.push(line)
    expect(others).toEqual([])
  })

  it('is heard from its listeners when it is deleted', async () => {
    const other = await makeAction(shared.store, '/listens', 'Accident')
    await other.call('onAbort')
    const lines: string[] = []
    const following = (async () => {
      for await (const { message } of other.logs()) {
        lines.push(message)
        if (message === 'ready') void other.delete({ mode: 'abort' })
      }
    })()
    await other.call('say', 'ready')
    await following
    expect(lines).toContain('told to end')
    await shared.store.delete('/listens')
  })

  it('by printing a gigabyte is cut short, and the server hardly grows', { timeout: 20_000 }, async () => {
    const before = await resident()
    let most = 0
    const over = new AbortController()
    const printing = node.call('print', 1024).finally(() => over.abort())
    while (!over.signal.aborted) most = Math.max(most, await resident())
    await printing
    const [line] = await logged(/were dropped/)
    expect(line!.level).toBe('warn')
    expect(line!.message).toMatch(/^logged too fast: \d+ lines, (1\.0 GiB|102\d\.\d MiB), were dropped$/)
    expect(await metric('glider_action_log_dropped_bytes_total')).toBeGreaterThan(1000 * MIB)
    expect(most - before).toBeLessThan(64 * MIB)
  })

  it('by sending what nobody knows is not listened to', async () => {
    const thread = await node.call('thread')
    const before = await metric('glider_unknown_messages_total')
    await node.call('post')
    while ((await metric('glider_unknown_messages_total')) === before);
    expect(await node.call('thread')).toBe(thread)
  })
})

describe('the log of an action', () => {
  it('ends for its followers when the object ends, and with an error when that is lost', async () => {
    const node = await besideIt('/followed')
    const lines = node.logs()[Symbol.asyncIterator]()
    await node.call('say', 'first')
    expect((await lines.next()).value).toMatchObject({ message: 'first' })
    await node.delete()
    let last: IteratorResult<ActionLogLine>
    do last = await lines.next()
    while (!last.done)
    await node.create('Accident')
    const others = node.logs()[Symbol.asyncIterator]()
    const ending = failureOf(others.next())
    await failureOf(node.call('exit'))
    expect((await ending).code).toBe('ACTION_LOST')
    await expectRecovered(node)
  })
})

describe('what a class says of its objects', () => {
  it('places them where their memory is left, and nowhere else', async () => {
    const { store } = shared
    const nodes: ActionNode[] = []
    for (let i = 0; i < 4; i++) nodes.push(await makeAction(store, `/large${i}`, 'Large'))
    const threads = await Promise.all(nodes.map(node => node.call('thread')))
    expect(new Set(threads).size).toBe(2)
    expect(threads.filter(thread => thread === threads[0])).toHaveLength(2)
    const full = await store.create('/full', 'action')
    const failure = await failureOf(full.create('Large'))
    expect(failure.code).toBe('NO_SLOT')
    expect(failure.message).toContain('48.0 MiB')
    await store.delete('/large0')
    await full.create('Large')
    for (const node of [...nodes.slice(1), full]) await store.delete(node.path)
  })

  it('holds for their turns', { timeout: 20_000 }, async () => {
    const node = await makeAction(shared.store, '/hasty', 'Hasty')
    expect((await failureOf(node.call('loop'))).message).toContain('turn took longer than 1000 ms')
    await shared.store.delete('/hasty')
    expect((await bystander.stat()).object?.interleaved).toBe(true)
  })
})

/** The numbers of the active servers that are there. */
async function live(): Promise<string[]> {
  const servers = await shared.store.servers()
  return servers.filter(({ role, state }) => role === 'active' && state === 'live').map(({ id }) => id)
}

describe('a server whose process breaks down', () => {
  it.each(['SIGABRT', 'SIGTRAP'] as const)('by %s comes back as another', { timeout: 20_000 }, async signal => {
    const server = shared.cluster.servers.find(({ role }) => role === 'active')!
    const { pid } = server
    const [id] = await live()
    process.kill(pid!, signal)
    for (let now = await live(); now.length !== 1 || now[0] === id || server.pid === pid; now = await live());
    expect((await failureOf(bystander.call('thread'))).code).toBe('ACTION_LOST')
    await bystander.create('Bystander')
    expect(await bystander.call('bytes')).toBe(0)
  })
})

describe('a thread that does not end', () => {
  it('makes its server leave and come back as another', { timeout: 30_000 }, async () => {
    await using folder = await temporaryFolder()
    const pipe = path.join(folder.path, 'pipe')
    execFileSync('mkfifo', [pipe])
    const { cluster } = shared
    const server = cluster.servers.find(({ role }) => role === 'active')!
    const pid = server.pid
    const [id] = await live()
    const node = await besideIt('/stuck')
    expect(await codeOf(node.call('block', pipe))).toBe('ACTION_LOST')
    for (let now = await live(); now.length !== 1 || now[0] === id || server.pid === pid; now = await live());
    for (const lost of [node, bystander]) {
      const failure = await failureOf(lost.call('thread'))
      expect(failure.code).toBe('ACTION_LOST')
      expect(failure.message).toMatch(/does not end|turn took longer/)
    }
    await node.create('Accident')
    await bystander.create('Bystander')
    expect(await besideTransfers(() => node.call('thread'))).not.toBe(await bystander.call('thread'))
  })
})

itLeavesNothing(shared)
