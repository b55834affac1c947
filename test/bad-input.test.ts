import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type ErrorCode, StoreClient, type TableNode } from 'glider'
import { beforeAll, describe, expect, it } from 'vitest'
import { failureOf } from './support/failure.ts'
import { Proxy } from './support/proxy.system.ts'
import { freeSpace, itLeavesNothing, makeAction, shareCluster } from './support/shared-cluster.ts'
import { textOf, writeAll } from './support/streams.ts'

const shared = shareCluster({ capacity: '4MiB', slots: 2, threads: 1 })

beforeAll(async () => {
  await shared.deployFixtures('probes')
})

interface Mistake {
  readonly code: ErrorCode
  /** What the message names, and what it says to do. */
  readonly says: RegExp
  make(store: StoreClient): Promise<unknown>
}

async function inFile(store: StoreClient, source: string): Promise<unknown> {
  const folder = await mkdtemp(path.join(tmpdir(), 'glider-bad-'))
  try {
    await writeFile(path.join(folder, 'bad.ts'), source)
    return await store.deploy(path.join(folder, 'bad.ts'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Creates the object of an action that is there for the test alone. */
async function object(store: StoreClient, at: string, definition: string, params?: unknown): Promise<unknown> {
  const node = await store.create(at, 'action', { ifExists: 'open' })
  try {
    await node.create(definition, { params })
    return await node.call('fail')
  } finally {
    await store.delete(at, { recursive: true })
  }
}

async function inTable(store: StoreClient, use: (table: TableNode) => Promise<unknown>): Promise<unknown> {
  const table = await store.create('/table', 'table')
  try {
    return await use(table)
  } finally {
    await store.delete('/table')
  }
}

/** Connects to a server of the cluster that is not its metadata server. */
async function connectTo(store: StoreClient, role: 'storage' | 'active'): Promise<StoreClient> {
  const server = (await store.servers()).find(one => one.role === role)!
  return StoreClient.connect(server.address)
}

const mistakes: Record<string, Mistake> = {
  'a missing path to read': { code: 'NOT_FOUND', says: /\/missing.*create/, make: store => store.get('/missing') },
  'a missing path to look up': { code: 'NOT_FOUND', says: /\/missing.*create/, make: store => store.lookup('/missing') },
  'a missing parent': { code: 'NOT_FOUND', says: /\/no\/parent.*parents/, make: store => store.put('/no/parent', 'x') },
  'a wrong type to read': { code: 'TYPE_MISMATCH', says: /\/directory.*directory/, make: store => store.get('/directory') },
  'a wrong type to write': { code: 'TYPE_MISMATCH', says: /\/directory.*directory/, make: store => store.put('/directory', 'x') },
  'a wrong type to look up': {
    code: 'TYPE_MISMATCH',
    says: /\/file.*file.*action/,
    make: store => store.lookup('/file', 'action'),
  },
  'a file as a parent': {
    code: 'TYPE_MISMATCH',
    says: /\/file/,
    make: store => store.create('/file/x', 'file', { parents: true }),
  },
  'a bad path': { code: 'INVALID_PATH', says: /\/a\/\.\.\/b.*relative/, make: store => store.put('/a/../b', 'x') },
  'a path without its first slash': { code: 'INVALID_PATH', says: /"a".*start it with \//, make: store => store.put('a', 'x') },
  'a taken name': { code: 'ALREADY_EXISTS', says: /\/file.*ifExists/, make: store => store.create('/file', 'file') },
  'a full directory to delete': { code: 'NOT_EMPTY', says: /\/directory.*recursive/, make: store => store.delete('/directory') },
  'an unknown class': {
    code: 'INVALID_ARGUMENT',
    says: /\/x.*fast.*dram/,
    make: store => store.put('/x', 'x', { storageClass: 'fast' }),
  },
  'a full class': { code: 'NO_SPACE', says: /\/big.*(delete|start)/, make: store => store.put('/big', Buffer.alloc(5 << 20)) },
  'a full class while streaming': {
    code: 'NO_SPACE',
    says: /\/file.*(delete|start)/,
    make: async store => writeAll((await store.lookup('/file', 'file')).createWriteStream(), Buffer.alloc(5 << 20)),
  },
  'no free slot': {
    code: 'NO_SLOT',
    says: /\/slots\/2.*(delete|start)/,
    async make(store) {
      try {
        for (let i = 0; i < 3; i++) await makeAction(store, `/slots/${i}`, 'std/Counter')
      } finally {
        await store.delete('/slots', { recursive: true })
      }
    },
  },
  'an unknown definition': { code: 'NOT_FOUND', says: /Unheard.*deploy/, make: store => object(store, '/x', 'Unheard') },
  'an unknown class of a bundle': {
    code: 'NOT_FOUND',
    says: /std.*Unheard.*Merge/,
    make: store => object(store, '/x', 'std/Unheard'),
  },
  'a bundle that does not compile': {
    code: 'INVALID_ARGUMENT',
    says: /bad\.ts:2:\d+/,
    make: store => inFile(store, 'export class A {\n  %%%\n}\n'),
  },
  'a bundle without an action': {
    code: 'INVALID_ARGUMENT',
    says: /extends Action/,
    make: store => inFile(store, 'export class A {}\n'),
  },
  'a file that is not there to deploy': {
    code: 'NOT_FOUND',
    says: /not-there\.ts/,
    make: store => store.deploy('/not-there.ts'),
  },
  'an onCreate that throws': {
    code: 'ACTION_FAILED',
    says: /\/x.*onCreate.*no room/,
    make: store => object(store, '/x', 'Thrower', { at: 'create' }),
  },
  'a call that throws': {
    code: 'ACTION_FAILED',
    says: /\/x.*fail.*made to fail/,
    make: store => object(store, '/x', 'Notebook'),
  },
  'a call that is not listed': {
    code: 'INVALID_ARGUMENT',
    says: /\/x.*fail.*calls/,
    make: store => object(store, '/x', 'Counter'),
  },
  'an onWrite that throws': {
    code: 'ACTION_FAILED',
    says: /\/x.*onWrite.*enough/,
    async make(store) {
      const node = await makeAction(store, '/x', 'Thrower', { params: { at: 'write' } })
      try {
        await writeAll(node.createWriteStream(), 'x')
      } finally {
        await store.delete('/x', { recursive: true })
      }
    },
  },
  'an onRead that throws': {
    code: 'ACTION_FAILED',
    says: /\/x.*onRead.*enough/,
    async make(store) {
      const node = await makeAction(store, '/x', 'Thrower', { params: { at: 'read' } })
      try {
        await textOf(node.createReadStream())
      } finally {
        await store.delete('/x', { recursive: true })
      }
    },
  },
  'an action without an object': {
    code: 'NO_ACTION_OBJECT',
    says: /\/x.*create/,
    async make(store) {
      const node = await store.create('/x', 'action')
      try {
        await node.call('value')
      } finally {
        await store.delete('/x')
      }
    },
  },
  'a server that is not there': {
    code: 'UNAVAILABLE',
    says: /127\.0\.0\.1:\d+.*running/,
    async make() {
      const gone = await Proxy.start(shared.cluster.address)
      await gone[Symbol.asyncDispose]()
      await StoreClient.connect(gone.address)
    },
  },
  'the address of a storage server': {
    code: 'INVALID_ARGUMENT',
    says: /127\.0\.0\.1:\d+ is the address of a storage server: give the address of the metadata server/,
    make: store => connectTo(store, 'storage'),
  },
  'the address of an active server': {
    code: 'INVALID_ARGUMENT',
    says: /127\.0\.0\.1:\d+ is the address of an active server: give the address of the metadata server/,
    make: store => connectTo(store, 'active'),
  },
  'something else than a server': {
    code: 'PROTOCOL_ERROR',
    says: /127\.0\.0\.1:\d+.*glider/,
    async make(store) {
      // A server that knows HTTP, but not our upgrade, answers with what it has.
      await using http = await Proxy.answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno')
      void store
      await StoreClient.connect(http.address)
    },
  },
  'a type of node that does not exist': {
    code: 'INVALID_ARGUMENT',
    says: /type must be one of .*file, directory, table, keyvalue, bag, action/,
    make: store => store.create('/x', 'folder' as 'file'),
  },
  'no type of node': { code: 'INVALID_ARGUMENT', says: /type is missing/, make: store => store.create('/x', undefined as never) },
  'no path': { code: 'INVALID_ARGUMENT', says: /no node is named: give its path/, make: store => store.get(undefined as never) },
  'a lease without a time': {
    code: 'INVALID_ARGUMENT',
    says: /ttlMs is missing/,
    make: store => store.lease('/file', undefined as never),
  },
  'a rename to where nothing is': {
    code: 'NOT_FOUND',
    says: /the parent of \/no\/file is not there: create \/no first$/,
    make: store => store.rename('/file', '/no/file'),
  },
  'params that are no JSON': {
    code: 'INVALID_ARGUMENT',
    says: /the params for std\/Merge cannot be sent: JSON cannot carry a function \(at "op"\)/,
    async make(store) {
      const node = await store.create('/x', 'action')
      try {
        await node.create('std/Merge', { params: { op: () => 'sum' } })
      } finally {
        await store.delete('/x', { recursive: true })
      }
    },
  },
  'a key of a table that is none': {
    code: 'INVALID_PATH',
    says: /the key "a\/b" holds \//,
    make: store => inTable(store, table => table.put('a/b', 'x')),
  },
  'no key of a table': {
    code: 'INVALID_PATH',
    says: /the key "" is empty/,
    make: store => inTable(store, table => table.get('')),
  },
  'an option that does not exist': {
    code: 'INVALID_ARGUMENT',
    says: /unknown field parent/,
    make: store => store.create('/x', 'file', { parent: true } as object),
  },
}

describe('bad input', () => {
  it.each(Object.entries(mistakes))('%s', async (_, mistake) => {
    const { code, says } = mistake
    const { store } = shared
    await store.put('/directory/inside', '', { parents: true })
    await store.put('/file', 'old')
    const free = await freeSpace(store)
    const usage = await store.usage()
    const failure = await failureOf(mistake.make(store))
    expect(failure.code).toBe(code)
    expect(failure.message).toMatch(says)
    expect(await freeSpace(store)).toEqual(free)
    expect(await store.usage()).toEqual({ ...usage, consumed: expect.anything() })
    // The next call works.
    expect((await store.get('/file')).toString()).toBe('old')
    await store.put('/file', 'old')
  })
})

itLeavesNothing(shared)
