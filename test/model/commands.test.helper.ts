/** One command for each thing that a client does: carried out on the model and on the system, with the same outcome. */
import { once } from 'node:events'
import fc from 'fast-check'
import type { BagNode, FileNode, FileWriteStream, KeyValueNode, NodeType } from 'glider'
import { expect } from 'vitest'
import { bytesOf, ended, written } from '../support/streams.ts'
import { areBytesOf, ModelWriter, type Range, readNow } from './model-streams.test.helper.ts'
import type { ModelNode } from './namespace-model.test.helper.ts'
import {
  destroyed,
  done,
  type Held,
  type Outcome,
  type Reading,
  type Sequence,
  said,
  textOf,
  type Writing,
} from './sequence.test.helper.ts'

/** Both sides of asyncModelRun are one object here: what a command keeps is a proxy and what the model says of it, side by side. */
type Step = fc.AsyncCommand<Sequence, Sequence>

/** Few names, so that most commands meet what others have left. */
const name = fc.constantFrom('a', 'b', 'c', 'd')
const below = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(name) },
  { weight: 4, arbitrary: fc.tuple(name, name) },
  { weight: 2, arbitrary: fc.tuple(name, name, name) },
)
/** A path that depends on what is there when its command runs; what it was then is what is printed. */
class Place {
  readonly #choose: (sequence: Sequence) => string
  #path = 'not asked for'

  constructor(choose: (sequence: Sequence) => string) {
    this.#choose = choose
  }

  in(sequence: Sequence): string {
    this.#path = this.#choose(sequence)
    return this.#path
  }

  toJSON(): string {
    return this.#path
  }
}

const pick = fc.nat(1000)
/** A node that is there, or a name below it. */
const near = fc
  .tuple(pick, fc.option(name, { nil: undefined }))
  .map(([pick, name]) => new Place(({ paths }) => [paths[pick % paths.length]!, ...(name ? [name] : [])].join('/')))
/** A node that is there. */
const node = pick.map(pick => new Place(({ paths }) => paths[pick % paths.length]!))
const anywhere = below.map(names => new Place(({ base }) => [base, ...names].join('/')))
const invalid = fc.constantFrom('/a/', '//b', '/a/../b', '/.', '/a\0').map(rest => new Place(({ base }) => `${base}${rest}`))
const rare = fc.constantFrom('/', 'a', '').map(path => new Place(() => path))
const path = fc.oneof(
  { weight: 40, arbitrary: near },
  { weight: 40, arbitrary: anywhere },
  { weight: 1, arbitrary: invalid },
  { weight: 1, arbitrary: rare },
)
const present = fc.oneof({ weight: 3, arbitrary: node }, { weight: 2, arbitrary: path })
const type = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<NodeType>('file', 'directory') },
  { weight: 2, arbitrary: fc.constantFrom<NodeType>('table', 'bag') },
  { weight: 1, arbitrary: fc.constantFrom<NodeType>('keyvalue', 'action') },
)
/** What is kept with the metadata, at the border of that, and what takes one block or more of 8 KiB. */
const size = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 5, 60) },
  { weight: 3, arbitrary: fc.constantFrom(4096, 4097, 8192, 20_000, 60_000) },
)
const flag = fc.boolean()
const position = fc.option(fc.constantFrom(0, 1, 7, 4096, 8191, 8192, 30_000), { nil: undefined })
const range = fc.tuple(position, position).map(
  ([start, end]): Range => ({
    ...(start !== undefined && { start }),
    ...(end !== undefined && { end }),
  }),
)

function step<T>(
  what: string,
  wishes: fc.Arbitrary<T>,
  run: (sequence: Sequence, wishes: T) => Promise<void>,
  possible: (sequence: Sequence) => boolean = () => true,
): fc.Arbitrary<Step> {
  return wishes.map(value => ({
    check: sequence => possible(sequence as Sequence),
    run: sequence => run(sequence, value),
    toString: () => `${what}(${JSON.stringify(value)})`,
  }))
}

async function agree<T>(model: () => T, system: () => Promise<T>): Promise<Outcome<T>> {
  const expected = said(model)
  expect(await done(system)).toEqual(expected)
  return expected
}

/** Commands on the tree by path. */
const create = step(
  'create',
  fc.record({
    at: path,
    type,
    options: fc.record(
      { parents: fc.constantFrom(true, true, false), ifExists: fc.constantFrom('error', 'open', 'replace') },
      { requiredKeys: [] },
    ),
  }),
  async (sequence, { at, type, options }) => {
    const where = at.in(sequence)
    const expected = said(() => sequence.model.create(where, type, options))
    const { value: proxy, code } = await done(sequence.store.create(where, type, options))
    hold(sequence, expected, proxy, code)
  },
)

const lookup = step('lookup', fc.record({ at: present, type: fc.option(type, { nil: undefined }) }), async (sequence, wishes) => {
  const where = wishes.at.in(sequence)
  const expected = said(() => sequence.model.lookup(where, wishes.type))
  const { value: proxy, code } = await done<Held['proxy']>(
    wishes.type ? sequence.store.lookup(where, wishes.type) : sequence.store.lookup(where),
  )
  hold(sequence, expected, proxy, code)
})

function hold({ held, model }: Sequence, { value: id, code }: Outcome<number>, proxy?: Held['proxy'], failure?: string): void {
  expect(failure).toBe(code)
  if (id === undefined || !proxy) return
  expect({ type: proxy.type, path: proxy.path }).toEqual({ type: model.node(id)?.type, path: model.path(id) })
  held.push({ proxy, id, path: proxy.path })
}

const stat = step('stat', present, async (sequence, at) => {
  const where = at.in(sequence)
  await agree(
    () => sequence.model.stat(where),
    async () => {
      const { path, type, size, storageClass } = await sequence.store.stat(where)
      expect(storageClass === 'active').toBe(type === 'action')
      return { path, type, size }
    },
  )
})

const exists = step('exists', present, async (sequence, at) => {
  const where = at.in(sequence)
  await agree(
    () => sequence.model.exists(where),
    () => sequence.store.exists(where),
  )
})

const list = step('list', present, async (sequence, at) => {
  const where = at.in(sequence)
  await agree(
    () => sequence.model.list(where),
    () => sorted(sequence.store.list(where)),
  )
})

async function sorted<T extends { readonly name: string }>(entries: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const entry of entries) all.push(entry)
  return all.sort((a, b) => (a.name < b.name ? -1 : 1))
}

const remove = step('delete', fc.record({ at: present, recursive: flag }), async (sequence, { at, recursive }) => {
  const where = at.in(sequence)
  await agree(
    () => sequence.model.delete(where, recursive),
    () => sequence.store.delete(where, { recursive }),
  )
})

const rename = step('rename', fc.record({ from: present, to: path }), async (sequence, wishes) => {
  const from = wishes.from.in(sequence)
  const to = wishes.to.in(sequence)
  await agree(
    () => sequence.model.rename(from, to),
    () => sequence.store.rename(from, to),
  )
})

const put = step(
  'put',
  fc.record({ at: fc.oneof(path, present), size, parents: flag }),
  async (sequence, { at, size, parents }) => {
    const where = at.in(sequence)
    const bytes = sequence.piece(size)
    await agree(
      () => sequence.model.put(where, bytes, parents),
      () => sequence.store.put(where, bytes, { parents }),
    )
  },
)

const get = step('get', present, async (sequence, at) => {
  const where = at.in(sequence)
  await agree(
    () => sequence.model.get(where),
    () => textOf(sequence.store.get(where)),
  )
})

const usage = step('usage', fc.constant(undefined), async ({ usage, store }) => {
  const { nodes, storedBytes } = await store.usage()
  expect({ nodes, storedBytes }).toEqual(usage)
})

/** Commands on what earlier ones have left. */
function onHeld<K extends NodeType, T>(
  what: string,
  types: readonly K[],
  wishes: fc.Arbitrary<T>,
  run: (sequence: Sequence, held: Held & { readonly proxy: Extract<Held['proxy'], { type: K }> }, wishes: T) => Promise<void>,
): fc.Arbitrary<Step> {
  const fitting = ({ held }: Sequence): Held[] => held.filter(({ proxy }) => (types as readonly NodeType[]).includes(proxy.type))
  return step(
    what,
    fc.record({ pick, wishes }),
    (sequence, { pick, wishes }) => {
      const choice = fitting(sequence)
      return run(sequence, choice[pick % choice.length] as never, wishes)
    },
    sequence => fitting(sequence).length > 0,
  )
}

const anyType = ['file', 'directory', 'table', 'keyvalue', 'bag', 'action'] as const

const statHeld = onHeld('stat of a proxy', anyType, fc.constant(undefined), async ({ model }, held) => {
  expect(held.proxy.path).toBe(held.path)
  const { value } = await agree(
    () => model.stat(model.path(held.id)),
    async () => {
      const { path, type, size } = await held.proxy.stat()
      return { path, type, size }
    },
  )
  if (value) held.path = value.path
  expect(held.proxy.path).toBe(held.path)
})

const listHeld = onHeld('list of a proxy', ['directory'], fc.constant(undefined), async ({ model }, { proxy, id }) => {
  await agree(
    () => model.list(model.path(id)),
    () => sorted(proxy.list()),
  )
})

const entries = onHeld('entries', ['table'], fc.constant(undefined), async ({ model }, { proxy, id }) => {
  await agree(
    () => model.list(model.path(id)).map(({ path, size }) => ({ name: path.slice(path.lastIndexOf('/') + 1), size })),
    async () => {
      const all: { name: string; size: number }[] = []
      for await (const { key, size } of proxy.entries()) all.push({ name: key, size })
      return all.sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  )
})

const key = fc.oneof({ weight: 30, arbitrary: name }, { weight: 1, arbitrary: fc.constantFrom('', '.', 'a/b') })

const putKey = onHeld('put of a key', ['table'], fc.record({ key, size }), async (sequence, { proxy, id }, { key, size }) => {
  const { model } = sequence
  const bytes = sequence.piece(size)
  await agree(
    () => model.put(model.keyPath(id, key), bytes),
    () => proxy.put(key, bytes),
  )
})

const getKey = onHeld('get of a key', ['table'], key, async ({ model }, { proxy, id }, key) => {
  await agree(
    () => model.get(model.keyPath(id, key)),
    () => textOf(proxy.get(key)),
  )
})

const deleteKey = onHeld('delete of a key', ['table'], key, async ({ model }, { proxy, id }, key) => {
  await agree(
    () => model.delete(model.keyPath(id, key), false),
    () => proxy.delete(key),
  )
})

function expectBytesOf(node: ModelNode, got = ''): void {
  expect({ got, fits: areBytesOf(node, got) }).toEqual({ got, fits: true })
}

const read = onHeld('read', ['file', 'keyvalue', 'bag'], range, async ({ model }, { proxy, id }, range) => {
  const expected = said(() => readNow(model, id, proxy.type === 'bag' ? {} : range))
  const { value, code } = await done(textOf(bytesOf(proxy.createReadStream(range))))
  expect(code).toBe(expected.code)
  if (expected.value) expectBytesOf(expected.value, value)
})

const handle = onHeld('direct handle', ['file'], flag, async ({ model }, { proxy, id }, write) => {
  await agree(
    () => {
      if (write) new ModelWriter(model, id, 'append').abort()
      return readNow(model, id, {}).bytes
    },
    async () => {
      await using opened = await proxy.open({ write })
      const buffer = Buffer.alloc(opened.size + 1)
      return buffer.toString('latin1', 0, await opened.read(0, buffer))
    },
  )
})

/** Commands on streams that stay open meanwhile. */
const openReader = onHeld('open reader', ['file', 'keyvalue', 'bag'], range, async (sequence, { proxy, id }, range) => {
  const expected = said(() => readNow(sequence.model, id, proxy.type === 'bag' ? {} : range))
  const stream = proxy.createReadStream(range)
  const { code } = await done(once(stream, 'readable'))
  expect(code).toBe(expected.code)
  if (expected.value) sequence.reading.push({ stream, id, node: expected.value, whole: sequence.model.node(id)! })
})

const finishReader = step(
  'finish reader',
  pick,
  async ({ model, reading }, pick) => {
    const [{ stream, id, node, whole }] = reading.splice(pick % reading.length, 1) as [Reading]
    const { value, code } = await done(textOf(bytesOf(stream)))
    const now = model.node(id)
    // What only grew is still there. Once it was freed, the reader may have been quick enough, or not.
    if (code !== 'BLOCK_GONE') {
      expect(code).toBeUndefined()
      expectBytesOf(node, value)
    } else expect(now?.bytes.startsWith(whole.bytes) ?? false).toBe(false)
  },
  ({ reading }) => reading.length > 0,
)

type Writable = FileNode | KeyValueNode | BagNode

function writerOf(proxy: Writable, append: boolean): { stream: Writing['stream']; mode: 'replace' | 'append' | 'part' } {
  if (proxy.type === 'bag') return { stream: proxy.append(), mode: 'part' }
  if (proxy.type === 'keyvalue') return { stream: proxy.createWriteStream(), mode: 'replace' }
  return { stream: proxy.createWriteStream({ append }), mode: append ? 'append' : 'replace' }
}

const openWriter = onHeld('open writer', ['file', 'keyvalue', 'bag'], flag, async (sequence, { proxy, id }, append) => {
  const { stream, mode } = writerOf(proxy, append)
  const expected = said(() => new ModelWriter(sequence.model, id, mode))
  stream.on('error', () => {})
  const { code } = await done(written(stream, ''))
  expect(code).toBe(expected.code)
  if (expected.value) sequence.writing.push({ stream, model: expected.value, type: proxy.type })
})

const writeWhole = onHeld(
  'write',
  ['file', 'keyvalue', 'bag'],
  fc.record({ append: flag, sizes: fc.array(size, { maxLength: 3 }), commits: fc.boolean() }),
  async (sequence, { proxy, id }, { append, sizes, commits }) => {
    const pieces = sizes.map(size => sequence.piece(size))
    const { stream, mode } = writerOf(proxy, append)
    await agree(
      () => {
        const writer = new ModelWriter(sequence.model, id, mode)
        for (const piece of pieces) writer.write(piece)
        if (commits) writer.close()
        else writer.abort()
      },
      async () => {
        stream.on('error', () => {})
        await written(stream, '')
        for (const piece of pieces) await written(stream, piece)
        if (commits) return ended(stream)
        return destroyed(stream)
      },
    )
  },
)

function onWriting<T>(
  what: string,
  wishes: fc.Arbitrary<T>,
  run: (sequence: Sequence, writing: Writing, wishes: T) => Promise<void>,
  fits: (writing: Writing) => boolean = () => true,
): fc.Arbitrary<Step> {
  return step(
    what,
    fc.record({ pick, wishes }),
    (sequence, { pick, wishes }) => {
      const choice = sequence.writing.filter(fits)
      return run(sequence, choice[pick % choice.length]!, wishes)
    },
    ({ writing }) => writing.some(fits),
  )
}

/** What a stream does whose node may have been deleted: it hears of that with its end, or of whatever reached a server before. */
async function failing(writing: Writing, run: () => Promise<void>): Promise<string | undefined> {
  const { stream } = writing
  const { code } = await done(async () => {
    if (stream.errored) throw stream.errored
    // One that fails meanwhile says first of all that it is destroyed.
    await run().catch((error: Error) => {
      throw stream.errored ?? error
    })
  })
  return code
}

const writeMore = onWriting('write more', size, async (sequence, writing, size) => {
  const piece = sequence.piece(size)
  writing.model.write(piece)
  const code = await failing(writing, () => written(writing.stream, piece))
  if (writing.model.attached || code) expect(code).toBe(writing.model.attached ? undefined : 'NOT_FOUND')
})

const sync = onWriting(
  'sync',
  fc.constant(undefined),
  async (_, writing) => {
    const expected = said(() => writing.model.sync())
    const code = await failing(writing, () => (writing.stream as FileWriteStream).sync())
    // A stream that replaces has nothing to sync, whether its file is there or not.
    if (writing.model.attached) expect(code).toBe(expected.code)
    else expect(['NOT_FOUND', expected.code]).toContain(code)
  },
  ({ type }) => type === 'file',
)

const close = onWriting('close', fc.constant(undefined), async (sequence, writing) => {
  const expected = said(() => writing.model.close())
  expect(await failing(writing, () => ended(writing.stream))).toBe(expected.code)
  sequence.writing.splice(sequence.writing.indexOf(writing), 1)
})

const abort = onWriting('abort', fc.constant(undefined), async (sequence, writing) => {
  writing.model.abort()
  await destroyed(writing.stream)
  sequence.writing.splice(sequence.writing.indexOf(writing), 1)
})

function often(times: number, command: fc.Arbitrary<Step>): fc.Arbitrary<Step>[] {
  return Array.from({ length: times }, () => command)
}

/** All of them; those that make something come more often. */
export const commands: fc.Arbitrary<Step>[] = [
  ...often(5, create),
  ...often(2, lookup),
  ...often(3, put),
  ...often(3, rename),
  ...often(2, remove),
  ...often(2, writeWhole),
  ...often(3, openWriter),
  ...often(3, writeMore),
  ...often(2, sync),
  ...often(2, close),
  ...often(2, openReader),
  ...often(2, finishReader),
  ...[stat, exists, list, get, usage, statHeld, listHeld, entries, putKey, getKey, deleteKey, read, handle, abort],
]
