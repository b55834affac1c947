/** Several clients change the same few names at the same time: what they were answered has to be linearizable. */
import type { StoreClient } from '../../actions/store.ts'
import type { NodeType } from '../../protocol/catalogue.ts'
import { linearization, type Operation, type Specification } from '../model/linearizability.test.helper.ts'
import { type Existing, type ModelNode, NamespaceModel, Refusal } from '../model/namespace-model.test.helper.ts'
import { Actor, isUnknown, type Outcome } from './actor.ts'
import type { Odds } from './odds.ts'
import type { Client, World } from './world.ts'

type Call =
  | { readonly do: 'create'; readonly path: string; readonly type: NodeType; readonly options: Existing }
  | { readonly do: 'stat' | 'exists' | 'get' | 'list'; readonly path: string }
  | { readonly do: 'delete'; readonly path: string; readonly recursive: boolean }
  | { readonly do: 'rename'; readonly path: string; readonly to: string }
  | { readonly do: 'put'; readonly path: string; readonly parents: boolean; readonly bytes: string }

interface Event extends Operation {
  readonly client: string
  readonly call: Call
  readonly outcome: Outcome<unknown>
}

const changing: ReadonlySet<Call['do']> = new Set(['create', 'delete', 'rename', 'put'])

/** What happens below one directory, and in which order it was asked for and answered. */
export class Names {
  readonly base: string
  readonly #history: Event[] = []
  /** Changes that are under way: their clients may die in the middle of them. */
  readonly #open = new Map<number, Omit<Event, 'answered' | 'outcome'>>()
  #counter = 0

  constructor(base: string) {
    this.base = base
  }

  begin(client: string, call: Call): number {
    const invoked = this.#counter++
    this.#open.set(invoked, { client, call, invoked })
    return invoked
  }

  end(invoked: number, outcome: Outcome<unknown>): void {
    const begun = this.#open.get(invoked)!
    this.#open.delete(invoked)
    // A question that was not answered tells nothing.
    if (isUnknown(outcome) && !changing.has(begun.call.do)) return
    if (isUnknown(outcome)) this.#history.push({ ...begun, outcome, answered: Number.POSITIVE_INFINITY, optional: true })
    else this.#history.push({ ...begun, outcome, answered: this.#counter++ })
  }

  /** What is wrong with what was answered, if anything is. */
  judge(): string | undefined {
    for (const begun of this.#open.values()) {
      if (!changing.has(begun.call.do)) continue
      const outcome = { code: 'UNAVAILABLE', message: 'its client died' } as const
      this.#history.push({ ...begun, outcome, answered: Number.POSITIVE_INFINITY, optional: true })
    }
    const model = new NamespaceModel()
    model.create(this.base, 'directory')
    const history = this.#history.sort((a, b) => a.invoked - b.invoked)
    return linearization(model, history, specification)
      ? undefined
      : `there is no order that explains\n${history.map(describe).join('\n')}`
  }
}

const keys = new WeakMap<ModelNode, string>()

function keyOf(node: ModelNode): string {
  const known = keys.get(node)
  if (known !== undefined) return known
  const children = [...node.children].map(([name, child]) => `${name}:${keyOf(child)}`).sort()
  const key = `${node.type}${node.bytes}(${children.join()})`
  keys.set(node, key)
  return key
}

const specification: Specification<NamespaceModel, Event> = {
  next(state, { call, outcome, optional }) {
    const after = state.fork()
    let said: Outcome<unknown>
    try {
      said = { code: undefined, value: onModel(after, call) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      said = { code: error.code, message: '' }
    }
    if (optional) return after
    return said.code === outcome.code && JSON.stringify(said.value) === JSON.stringify(outcome.value) ? after : undefined
  },
  key: state => keyOf(state.root),
}

function onModel(model: NamespaceModel, call: Call): unknown {
  switch (call.do) {
    case 'create':
      model.create(call.path, call.type, call.options)
      return undefined
    case 'stat':
      return model.stat(call.path)
    case 'exists':
      return model.exists(call.path)
    case 'get':
      return model.get(call.path)
    case 'list':
      return model.list(call.path).map(({ path }) => path)
    case 'delete':
      return model.delete(call.path, call.recursive)
    case 'rename':
      return model.rename(call.path, call.to)
    case 'put':
      return model.put(call.path, call.bytes, call.parents)
  }
}

async function onSystem(store: StoreClient, call: Call, options: { timeoutMs?: number }): Promise<unknown> {
  switch (call.do) {
    case 'create':
      await store.create(call.path, call.type, { ...call.options, ...options })
      return undefined
    case 'stat': {
      const { path, type, size } = await store.stat(call.path, options)
      return { path, type, size }
    }
    case 'exists':
      return store.exists(call.path, options)
    case 'get':
      return (await store.get(call.path, options)).toString('latin1')
    case 'list': {
      const paths: string[] = []
      for await (const { path } of store.list(call.path, options)) paths.push(path)
      return paths.sort()
    }
    case 'delete':
      return store.delete(call.path, { recursive: call.recursive, ...options })
    case 'rename':
      return store.rename(call.path, call.to, options)
    case 'put':
      return store.put(call.path, call.bytes, { parents: call.parents, ...options })
  }
}

function describe({ client, call, outcome, invoked, answered }: Event): string {
  return `${invoked}-${answered} ${client}: ${JSON.stringify(call)} → ${outcome.code ?? JSON.stringify(outcome.value) ?? 'done'}`
}

export class NameUser extends Actor {
  readonly #names: Names
  readonly #steps: number

  constructor(name: string, world: World, client: Client, names: Names, steps: number) {
    super(name, world, client)
    this.#names = names
    this.#steps = steps
  }

  protected override async act(): Promise<void> {
    for (let left = this.#steps; left > 0; left--) {
      await this.think(500)
      await this.#call(
        this.store,
        callBelow(this.#names.base, this.odds, this.world, () => this.piece(8)),
      )
    }
  }

  override async verify(store: StoreClient): Promise<void> {
    for (const name of ['a', 'b', 'c', 'a/a', 'a/b']) {
      await this.#call(store, { do: 'stat', path: `${this.#names.base}/${name}` })
    }
    await this.#call(store, { do: 'list', path: this.#names.base })
  }

  async #call(store: StoreClient, call: Call): Promise<void> {
    const invoked = this.#names.begin(this.name, call)
    const outcome = await this.attempt(JSON.stringify(call), options => onSystem(store, call, options))
    this.#names.end(invoked, outcome)
  }
}

function callBelow(base: string, odds: Odds, world: World, piece: () => string): Call {
  const path = (): string => `${base}/${odds.of(['a', 'b', 'a', 'b', 'c', 'a/a', 'a/b'])}`
  const { inlineBytes, inlineBudgetBytes } = world.shape
  // What goes to blocks may be refused for other reasons than names.
  const puts = inlineBytes >= 64 && inlineBudgetBytes > 4096 ? 5 : 0
  const type = odds.of<NodeType>(['file', 'directory', 'directory', 'bag', 'table'])
  const ifExists = odds.of(['error', 'error', 'open', 'replace'] as const)
  return odds.weighed<() => Call>([
    [6, () => ({ do: 'create', path: path(), type, options: { ifExists, parents: odds.oneIn(4) } })],
    [5, () => ({ do: 'rename', path: path(), to: path() })],
    [4, () => ({ do: 'delete', path: path(), recursive: odds.oneIn(2) })],
    [puts, () => ({ do: 'put', path: path(), parents: odds.oneIn(4), bytes: piece() })],
    [puts, () => ({ do: 'get', path: path() })],
    [2, () => ({ do: 'stat', path: path() })],
    [1, () => ({ do: 'exists', path: path() })],
    [2, () => ({ do: 'list', path: odds.of([base, `${base}/a`]) })],
  ])()
}
