import type { GliderError } from '../protocol/errors.ts'
import { NO_ORIGIN, type Origin } from '../protocol/origin.ts'
import { type Action, type ActionClass, constructAction } from './action.ts'
import { runAsOwner, runInTurn, through } from './current-turn.ts'
import { actionFailed, resultJson, withGrace } from './failure.ts'
import { StreamInput } from './input.ts'
import { callsOf } from './inspect.ts'
import { StreamKeys } from './keys.ts'
import type { ActionObjectOptions, ActionObjectState, TurnOptions, WriteOptions } from './options.ts'
import { StreamOutput } from './output.ts'
import { noObject, noSuchCall, noSuchHook, waitsForItself } from './refusals.ts'
import { TurnScope } from './scope.ts'
import type { ChunkSink, ChunkSource } from './source.ts'
import { Turns } from './turns.ts'

/**
 * One action object: turns, streams, calls and deletion, wherever it lives; the threads of an active server and the tests of
 * authors run this same code. Always holds: user code runs only in a turn; `onCreate` is the first and `onDelete` the last.
 */
export class ActionObject {
  readonly id: string
  readonly #Class: ActionClass
  readonly #calls: readonly string[]
  readonly #options: ActionObjectOptions
  readonly #turns: Turns
  readonly #keys = new StreamKeys()
  readonly #controller = new AbortController()
  /** Of everything that runs, waits or drains. */
  readonly #scopes = new Set<TurnScope>()
  #state: ActionObjectState = 'creating'
  #instance: Action | undefined
  #creation: Promise<void> | undefined
  #deletion: Promise<void> | undefined
  #why: GliderError | undefined

  constructor(Class: ActionClass, options: ActionObjectOptions) {
    this.id = options.id
    this.#Class = Class
    this.#calls = callsOf(Class)
    this.#options = options
    this.#turns = new Turns(options.interleaved)
  }

  get state(): ActionObjectState {
    return this.#state
  }

  /** Turns that run now. */
  get running(): number {
    return this.#turns.running
  }

  /** Streams and calls that wait for their turn. */
  get waiting(): number {
    return this.#turns.waiting
  }

  /** Constructs it and runs `onCreate`. After a throw (`ACTION_FAILED`) it is gone. */
  create(origin: Origin = NO_ORIGIN): Promise<void> {
    this.#creation ??= this.#create(origin)
    return this.#creation
  }

  /**
   * One run of `onWrite`. Resolves when it has returned and the source has ended: what the hook left is discarded. After a
   * rejection the rest of the source is the caller's to discard.
   */
  async runWrite(source: ChunkSource, options: WriteOptions = {}): Promise<void> {
    this.#admit(options)
    const scope = this.#openScope('onWrite')
    const unfollow = scope.follow(options.departure)
    try {
      const input = new StreamInput(source, scope)
      const { key } = options
      if (key === undefined || !this.#keys.hasCompleted(key)) {
        await this.#inTurn(scope, () => this.#write(input, scope, options))
      }
      const rest = input.drain()
      if (rest) await rest
    } finally {
      unfollow()
      this.#scopes.delete(scope)
    }
  }

  /** One run of `onRead`. Resolves when it has returned and the sink has taken everything. */
  async runRead(sink: ChunkSink, options: TurnOptions = {}): Promise<void> {
    this.#admit(options)
    const scope = this.#openScope('onRead')
    const unfollow = scope.follow(options.departure)
    try {
      const output = new StreamOutput(sink, scope)
      try {
        await this.#inTurn(scope, async () => {
          const hook = this.#hook('onRead')
          await this.#run(scope, 'onRead', options, () => hook(output))
        })
      } finally {
        await output.flushed()
      }
      // An endless read that stops because it was told to must not look like one that has come to its end.
      if (scope.reason) throw scope.reason
    } finally {
      unfollow()
      this.#scopes.delete(scope)
    }
  }

  /** Calls a listed method; answers a copy of what it returned. `value` is JSON already, or undefined. */
  async call(name: string, value?: unknown, options: TurnOptions = {}): Promise<unknown> {
    return JSON.parse(await this.callJson(name, value, options))
  }

  /** As `call`, but answers the text of the JSON. */
  async callJson(name: string, value?: unknown, options: TurnOptions = {}): Promise<string> {
    this.#admit(options)
    if (!this.#calls.includes(name)) {
      throw noSuchCall(this.#options.path, this.#Class, name)
    }
    const scope = this.#openScope(name)
    // A caller who goes leaves the queue; but a method that runs already cannot know of it, and keeps its turn to its end.
    let waits = true
    const caller = new TurnScope(name)
    const { departure } = options
    if (departure) {
      departure.listener = reason => {
        if (waits) scope.abort(reason)
        caller.abort(reason)
      }
    }
    const answer = this.#inTurn(scope, () => {
      waits = false
      return this.#runCall(scope, name, value, options)
    })
    try {
      return await caller.guard(answer)
    } finally {
      if (departure) departure.listener = undefined
    }
  }

  /**
   * Ends the object; nothing new is accepted (`NO_ACTION_OBJECT`, unless `why` says otherwise). `wait` lets all that came before have its turn; `abort` ends
   * the queue at once, fires all signals and gives running hooks 5 s; it also hastens a deletion that waits. Then `onDelete`
   * runs, once. Where that throws it rejects, but the object is gone all the same.
   */
  delete(mode: 'wait' | 'abort' = 'wait', { why, ...origin }: Origin & { why?: GliderError } = NO_ORIGIN): Promise<void> {
    this.#why ??= why
    // Also an interleaved object cannot wait for the end of its own turn.
    if (mode === 'wait' && origin.chain?.includes(this.id)) return Promise.reject(waitsForItself(this.#options.path))
    this.#deletion ??= this.#delete(origin)
    if (mode === 'abort') this.#abort()
    return this.#deletion
  }

  async #create(origin: Origin): Promise<void> {
    const scope = this.#openScope('onCreate')
    const { path, params, store, log, interleaved } = this.#options
    try {
      await this.#run(scope, 'onCreate', origin, async () => {
        const instance = constructAction(this.#Class, {
          path,
          params,
          store,
          log,
          interleaved,
          signal: this.#controller.signal,
        })
        this.#instance = instance
        await instance.onCreate?.()
      })
    } catch (error) {
      this.#state = 'gone'
      this.#turns.failWaiting(this.#refusal())
      throw error
    } finally {
      this.#scopes.delete(scope)
    }
    if (this.#state === 'creating') this.#state = 'live'
    this.#turns.open()
  }

  async #delete(origin: Origin): Promise<void> {
    if (this.#state === 'gone') return
    this.#state = 'deleting'
    const created = await (this.#creation ?? Promise.reject(noObject(this.#options.path))).then(
      () => true,
      () => false,
    )
    if (!created) {
      this.#state = 'gone'
      this.#turns.failWaiting(this.#refusal())
      return
    }
    await this.#turns.whenIdle()
    const scope = this.#openScope('onDelete')
    if (this.#controller.signal.aborted) scope.abort(this.#refusal())
    const what = `${this.#options.path}: onDelete of ${this.#Class.name}`
    try {
      const work = runInTurn(through(origin, this.id), this.#options.owner, async () => this.#instance?.onDelete?.())
      await withGrace(
        work.catch((thrown: unknown) => {
          throw actionFailed(what, thrown)
        }),
        scope,
        this.#options.clock,
        what,
      )
    } finally {
      this.#state = 'gone'
      this.#instance = undefined
      this.#scopes.delete(scope)
    }
  }

  #abort(): void {
    const reason = this.#refusal()
    runAsOwner(this.#options.owner, () => this.#controller.abort(reason))
    for (const scope of [...this.#scopes]) scope.abort(reason)
  }

  async #write(input: StreamInput, scope: TurnScope, options: WriteOptions): Promise<void> {
    const hook = this.#hook('onWrite')
    const end = options.key === undefined ? undefined : await this.#keys.begin(options.key, scope)
    if (options.key !== undefined && !end) return
    let completed = false
    try {
      await this.#run(scope, 'onWrite', options, () => hook(input))
      // A hook that swallows the death of its writer has not seen a whole stream.
      if (scope.reason && !input.ended) throw scope.reason
      completed = true
    } finally {
      end?.(completed)
      input.close()
    }
  }

  async #runCall(scope: TurnScope, name: string, value: unknown, origin: Origin): Promise<string> {
    try {
      return await this.#run(scope, name, origin, async () => {
        const method = (this.#instance as unknown as Record<string, (value: unknown) => unknown>)[name]!
        return resultJson(await method.call(this.#instance, value))
      })
    } finally {
      this.#scopes.delete(scope)
    }
  }

  async #inTurn<T>(scope: TurnScope, work: () => Promise<T>): Promise<T> {
    try {
      const entered = this.#turns.enter(scope)
      if (entered) await entered
    } catch (error) {
      this.#scopes.delete(scope)
      throw error
    }
    try {
      return await work()
    } finally {
      this.#turns.leave()
    }
  }

  /** Runs user code; what it throws becomes what the other side gets. */
  async #run<T>(scope: TurnScope, method: string, origin: Origin, work: () => T | Promise<T>): Promise<T> {
    const { path, clock, owner } = this.#options
    const what = `${path}: ${method} of ${this.#Class.name}`
    try {
      return await withGrace(runInTurn(through(origin, this.id), owner, work), scope, clock, what)
    } catch (thrown) {
      if (scope.reason) throw scope.reason
      throw scope.isRefusal(thrown) ? thrown : actionFailed(what, thrown)
    } finally {
      scope.hookReturned()
    }
  }

  #hook<Name extends 'onRead' | 'onWrite'>(name: Name): OmitThisParameter<NonNullable<Action[Name]>> {
    const hook: unknown = this.#instance?.[name]
    if (typeof hook === 'function') return hook.bind(this.#instance) as OmitThisParameter<NonNullable<Action[Name]>>
    throw noSuchHook(this.#options.path, this.#Class, name)
  }

  #openScope(method: string): TurnScope {
    const scope = new TurnScope(`${this.#options.path}: ${method} of ${this.#Class.name}`, this.#options.owner)
    this.#scopes.add(scope)
    return scope
  }

  /** What those are told who come while it ends, or whom it leaves. */
  #refusal(): GliderError {
    return this.#why ?? noObject(this.#options.path)
  }

  #admit({ chain }: Origin): void {
    if (this.#state === 'deleting' || this.#state === 'gone') throw this.#refusal()
    if (this.#waitsFor(chain)) throw waitsForItself(this.#options.path)
  }

  /** Whether what comes along `chain` would wait for itself. */
  #waitsFor(chain: readonly string[] = []): boolean {
    return chain.includes(this.id) && (!this.#options.interleaved || this.#state === 'creating')
  }
}
