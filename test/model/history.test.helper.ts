/** Histories: what several clients do with one namespace at the same time, and what each of them was answered. */
import fc from 'fast-check'
import type { NodeType, StoreClient, TableNode } from 'glider'
import { linearization, type Operation, type Specification } from './linearizability.test.helper.ts'
import { type Existing, type ModelNode, NamespaceModel } from './namespace-model.test.helper.ts'
import { done, type Outcome, pieceOf, said, textOf } from './sequence.test.helper.ts'

/** What is longer is not put in one operation: it is written under a claim, and takes effect when that is committed. */
const INLINE_LIMIT = 4096

export type Call =
  | { readonly do: 'create'; readonly path: string; readonly type: NodeType; readonly options: Existing }
  | { readonly do: 'lookup'; readonly path: string; readonly type: NodeType | undefined }
  | { readonly do: 'stat' | 'exists' | 'get'; readonly path: string }
  | { readonly do: 'delete'; readonly path: string; readonly recursive: boolean }
  | { readonly do: 'rename'; readonly path: string; readonly to: string }
  | { readonly do: 'put'; readonly path: string; readonly parents: boolean; readonly size: number; readonly piece: number }
  | { readonly do: 'putKey'; readonly key: string; readonly size: number; readonly piece: number }
  | { readonly do: 'getKey' | 'deleteKey'; readonly key: string }

/** One call of one client. */
export interface Event extends Operation {
  readonly client: number
  readonly call: Call
  readonly outcome: Outcome<unknown>
}

/** The model, and which of its nodes every client has a proxy of. */
export interface State {
  readonly namespace: NamespaceModel
  readonly table: number
}

function onModel(model: NamespaceModel, table: number, call: Call): unknown {
  switch (call.do) {
    case 'create':
      model.create(call.path, call.type, call.options)
      return undefined
    case 'lookup':
      return model.node(model.lookup(call.path, call.type))!.type
    case 'stat':
      return model.stat(call.path)
    case 'exists':
      return model.exists(call.path)
    case 'get':
      return model.get(call.path)
    case 'delete':
      return model.delete(call.path, call.recursive)
    case 'rename':
      return model.rename(call.path, call.to)
    case 'put':
      return model.put(call.path, pieceOf(call.piece, call.size), call.parents)
    case 'putKey':
      return model.put(model.keyPath(table, call.key), pieceOf(call.piece, call.size))
    case 'getKey':
      return model.get(model.keyPath(table, call.key))
    case 'deleteKey':
      return model.delete(model.keyPath(table, call.key), false)
  }
}

async function onSystem(store: StoreClient, table: TableNode, call: Call): Promise<unknown> {
  switch (call.do) {
    case 'create':
      await store.create(call.path, call.type, call.options)
      return undefined
    case 'lookup':
      return (await (call.type ? store.lookup(call.path, call.type) : store.lookup(call.path))).type
    case 'stat': {
      const { path, type, size } = await store.stat(call.path)
      return { path, type, size }
    }
    case 'exists':
      return await store.exists(call.path)
    case 'get':
      return await textOf(store.get(call.path))
    case 'delete':
      return await store.delete(call.path, { recursive: call.recursive })
    case 'rename':
      return await store.rename(call.path, call.to)
    case 'put':
      return await store.put(call.path, pieceOf(call.piece, call.size), { parents: call.parents })
    case 'putKey':
      return await table.put(call.key, pieceOf(call.piece, call.size))
    case 'getKey':
      return await textOf(table.get(call.key))
    case 'deleteKey':
      return await table.delete(call.key)
  }
}

/**
 * The puts that were rightly refused as BUSY, and so have changed nothing: beside each there was one under way on the same file that
 * had the claim. That one was not refused itself, or only at its commit, because of a third.
 */
function rightlyBusy(history: readonly Event[]): Set<Event> {
  // After a rename the same file may have been meant by another path.
  const renamed = history.some(({ call, outcome }) => call.do === 'rename' && outcome.code === undefined)
  const puts = history.filter(({ call }) => call.do === 'put')
  const beside = (one: Event, other: Event): boolean =>
    (renamed || pathOf(one) === pathOf(other)) && one.invoked < other.answered && other.invoked < one.answered
  const holders = new Set(puts.filter(put => takesClaim(put) && put.outcome.code !== 'BUSY'))
  const busy = new Set<Event>()
  for (let before = -1; before !== busy.size; ) {
    before = busy.size
    for (const put of puts) {
      if (put.outcome.code !== 'BUSY' || busy.has(put) || ![...holders].some(other => beside(put, other))) continue
      busy.add(put)
      if (takesClaim(put)) holders.add(put)
    }
  }
  return busy
}

function pathOf({ call }: Event): string | undefined {
  return 'path' in call ? call.path : undefined
}

function takesClaim({ call }: Event): boolean {
  return call.do === 'put' && call.size > INLINE_LIMIT
}

function same(a: Outcome<unknown>, b: Outcome<unknown>): boolean {
  return a.code === b.code && (a.value === b.value || JSON.stringify(a.value) === JSON.stringify(b.value))
}

function specification(table: number, history: readonly Event[]): Specification<NamespaceModel, Event> {
  const busy = rightlyBusy(history)
  const keys = new WeakMap<ModelNode, string>()
  const keyOf = (node: ModelNode): string => {
    const known = keys.get(node)
    if (known !== undefined) return known
    const children = [...node.children].map(([name, child]) => `${name}:${keyOf(child)}`).sort()
    // Which piece it is says all of it, and of identities only that matters which somebody has a proxy of.
    const made = `${node.type}${node.id === table ? '!' : ''}${node.bytes.slice(0, 8)}/${node.bytes.length}(${children.join()})`
    keys.set(node, made)
    return made
  }
  return {
    next(state, event) {
      if (event.outcome.code === 'BUSY') return busy.has(event) ? state : undefined
      const after = state.fork()
      return same(
        said(() => onModel(after, table, event.call)),
        event.outcome,
      )
        ? after
        : undefined
    },
    key: state => keyOf(state.root),
  }
}

export function explained({ namespace, table }: State, history: readonly Event[]): Event[] | undefined {
  return linearization(namespace, history, specification(table, history))
}

/** What one client does: before each call it lets so many turns of the event loop pass. */
export type Program = readonly { readonly call: Call; readonly turns: number }[]

export interface Plan {
  /** Done by one client, before the others begin. */
  readonly before: readonly Call[]
  readonly programs: readonly Program[]
  /** Done by one client, once the others have ended. */
  readonly after: readonly Call[]
}

/**
 * Carries out a plan below a fresh directory. Each client holds a proxy of one table, wherever that is then.
 */
export async function carryOut(clients: readonly StoreClient[], base: string, plan: Plan): Promise<[State, Event[]]> {
  const [first] = clients
  const namespace = new NamespaceModel()
  for (const [path, type] of [
    [base, 'directory'],
    [`${base}/a`, 'directory'],
    [`${base}/t`, 'table'],
  ] as const) {
    await first!.create(path, type)
    namespace.create(path, type)
  }
  const table = namespace.lookup(`${base}/t`)
  const proxies = await Promise.all(plan.programs.map((_, client) => clients[client]!.lookup(`${base}/t`, 'table')))
  let pieces = 0
  for (const call of plan.before) {
    const here = below(call, base, pieces++)
    await done(onSystem(first!, proxies[0]!, here))
    said(() => onModel(namespace, table, here))
  }
  let counter = 0
  const history: Event[] = []
  const run = async (program: Program, client: number): Promise<void> => {
    for (const { call: wanted, turns } of program) {
      for (let i = 0; i < turns; i++) await new Promise(resolve => setImmediate(resolve))
      const call = below(wanted, base, pieces++)
      const invoked = counter++
      const outcome = await done(onSystem(clients[client]!, proxies[client]!, call))
      history.push({ client, call, outcome, invoked, answered: counter++ })
    }
  }
  await Promise.all(plan.programs.map(run))
  await run(
    plan.after.map(call => ({ call, turns: 0 })),
    0,
  )
  return [{ namespace, table }, history.sort((a, b) => a.invoked - b.invoked)]
}

function below(given: Call, base: string, piece: number): Call {
  const call = 'piece' in given ? { ...given, piece } : given
  if (call.do === 'rename') return { ...call, path: base + call.path, to: base + call.to }
  return 'path' in call ? { ...call, path: base + call.path } : call
}

export function describeHistory(history: readonly Event[]): string {
  return history
    .map(({ client, call, outcome, invoked, answered }) => {
      const told = JSON.stringify(outcome.code ?? outcome.value) ?? 'done'
      return `${invoked}-${answered} client ${client}: ${JSON.stringify(call)} → ${told.slice(0, 80)}`
    })
    .join('\n')
}

const name = fc.constantFrom('a', 'b')
/** Where nothing is at first, in the root and in the directory. */
const free = fc.constantFrom('/b', '/c', '/a/a', '/a/b')
const anyPath = fc.oneof(
  { weight: 6, arbitrary: free },
  { weight: 2, arbitrary: fc.constantFrom('/a', '/t') },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('/t', '/a/a', '/b'), name).map(parts => parts.join('/')) },
)
const type = fc.constantFrom<NodeType>('file', 'file', 'file', 'directory', 'directory', 'table', 'keyvalue', 'bag')
const size = fc.constantFrom(10, 5000, 40_000)
/** Which piece it is, is said when it is put. */
const piece = fc.constant(0)

function calls<D extends Call['do'], W extends object>(
  what: D,
  wishes: fc.Arbitrary<W>,
): fc.Arbitrary<{ readonly do: D } & Required<W>> {
  return wishes.map(wish => ({ do: what, ...(wish as Required<W>) }))
}

const existing: fc.Arbitrary<Existing> = fc.record(
  { parents: fc.boolean(), ifExists: fc.constantFrom('error', 'open', 'replace') },
  { requiredKeys: [] },
)

function changesAt(path: fc.Arbitrary<string>): fc.Arbitrary<Call> {
  return fc.oneof(
    { weight: 3, arbitrary: calls('create', fc.record({ path, type, options: existing })) },
    { weight: 5, arbitrary: calls('put', fc.record({ path, parents: fc.boolean(), size, piece })) },
    { weight: 4, arbitrary: calls('rename', fc.record({ path, to: path })) },
    { weight: 2, arbitrary: calls('delete', fc.record({ path, recursive: fc.boolean() })) },
    { weight: 2, arbitrary: calls('putKey', fc.record({ key: name, size, piece })) },
    { weight: 1, arbitrary: calls('deleteKey', fc.record({ key: name })) },
  )
}

function questionsAt(path: fc.Arbitrary<string>): fc.Arbitrary<Call> {
  return fc.oneof(
    { weight: 1, arbitrary: calls('lookup', fc.record({ path, type: fc.option(type, { nil: undefined }) })) },
    { weight: 1, arbitrary: calls('exists', fc.record({ path })) },
    { weight: 2, arbitrary: calls('stat', fc.record({ path })) },
    { weight: 4, arbitrary: calls('get', fc.record({ path })) },
    { weight: 2, arbitrary: calls('getKey', fc.record({ key: name })) },
  )
}

/** Plans about few paths, so that the clients meet. In the end each of them is looked at. */
export const plan: fc.Arbitrary<Plan> = fc.uniqueArray(anyPath, { minLength: 2, maxLength: 3 }).chain(paths => {
  const path = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...paths) }, { weight: 1, arbitrary: anyPath })
  const call = fc.oneof({ weight: 3, arbitrary: changesAt(path) }, { weight: 2, arbitrary: questionsAt(path) })
  const program = fc.array(fc.record({ call, turns: fc.nat(3) }), { minLength: 1, maxLength: 6, size: 'max' })
  return fc.record({
    before: fc.array(changesAt(path), { maxLength: 4, size: 'max' }),
    programs: fc.array(program, { minLength: 2, maxLength: 4, size: 'max' }),
    after: fc.constant([
      ...paths.map((path): Call => ({ do: 'get', path })),
      ...['a', 'b'].map((key): Call => ({ do: 'getKey', key })),
    ]),
  })
})
