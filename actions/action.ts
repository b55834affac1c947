import { GliderError } from '../protocol/errors.ts'
import type { ActionInput } from './input.ts'
import type { ActionOutput } from './output.ts'
import type { StoreClient } from './store.ts'

/** Where an action writes what its operator should read. It ends up in the server's log, with the action's path. */
export interface Log {
  debug(message: string, details?: object): void
  info(message: string, details?: object): void
  warn(message: string, details?: object): void
  error(message: string, details?: object): void
}

/** What an action object is given at its creation. */
export interface ActionContext {
  readonly path: string
  readonly params: unknown
  readonly store: StoreClient
  readonly log: Log
  readonly signal: AbortSignal
  readonly interleaved: boolean
}

/** No field of Action: it would take a name from the classes that extend it. */
const interleaved = new WeakSet<Action>()

/** Set only while `constructAction` runs, so that fields are there before the initialisers of the subclass run. */
let underConstruction: ActionContext | undefined

/**
 * What user code extends: an object that lives inside the store. Its hooks run when its node is written, read, created or
 * deleted; all are optional. `Params` is the JSON given at creation.
 *
 * @example
 * class Upper extends Action {
 *   #text = ''
 *   async onWrite(input: ActionInput) { this.#text += (await input.text()).toUpperCase() }
 *   async onRead(output: ActionOutput) { await output.write(this.#text) }
 * }
 */
export class Action<Params = unknown> {
  /** Names of the methods that `node.call` may call. */
  static calls?: readonly string[]
  /** Whether streams and calls may take turns while one awaits, where the creator does not say. @default false */
  static interleaved?: boolean
  /** How long a turn may last without coming back to the event loop: `30s`, or milliseconds. @default that of the server */
  static turnTimeout?: string | number
  /** What an object is expected to need: `128MiB`, or bytes. It goes to a thread that has so much left. @default nothing */
  static memory?: string | number

  /** Of the node, as it was when the object was created. */
  readonly path: string
  readonly params: Params
  /** A client of the namespace that the action lives in. */
  readonly store: StoreClient
  readonly log: Log
  /** Fires when the object is deleted with mode `abort`. */
  readonly signal: AbortSignal

  constructor() {
    const context = underConstruction
    if (!context) {
      throw new GliderError(
        'INVALID_ARGUMENT',
        `${new.target.name} is an action: the store makes it with node.create(), a test with runAction(); new does not work`,
      )
    }
    underConstruction = undefined
    this.path = context.path
    this.params = context.params as Params
    this.store = context.store
    this.log = context.log
    this.signal = context.signal
    if (context.interleaved) interleaved.add(this)
  }

  /** Runs once, before any stream or call. A throw means that there is no object. */
  onCreate?(): void | Promise<void>
  /** Runs once, after every stream and call. */
  onDelete?(): void | Promise<void>
  /** Runs once for each stream that reads the action. The reader sees the end when it returns. */
  onRead?(output: ActionOutput): void | Promise<void>
  /** Runs once for each stream that writes to the action. The writer finishes when it returns. */
  onWrite?(input: ActionInput): void | Promise<void>
}

/** A class that can be deployed. */
export interface ActionClass {
  new (): Action
  readonly calls?: readonly string[]
  readonly interleaved?: boolean
  readonly turnTimeout?: string | number
  readonly memory?: string | number
  readonly name: string
}

/** Whether streams and calls of this object may take turns. Internal. */
export function isInterleaved(action: Action): boolean {
  return interleaved.has(action)
}

/** The one way to make an action: hands `context` to the base constructor. Internal. */
export function constructAction(Class: ActionClass, context: ActionContext): Action {
  underConstruction = context
  try {
    return new Class()
  } finally {
    underConstruction = undefined
  }
}
