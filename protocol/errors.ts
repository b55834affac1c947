/** Whether trying again can help: never, once something was freed, or at once. */
type Retry = 'no' | 'later' | 'yes'

interface ErrorRow {
  /** What the caller is told has happened. */
  readonly when: string
  /** Status of the REST face. */
  readonly status: number
  readonly retry: Retry
}

/** Every failure that a program can see, and nothing else: the one table behind the SDK, the REST face and the docs. */
export const errorTable = {
  NOT_FOUND: { when: 'the node, or something it needs, is not there', status: 404, retry: 'no' },
  ALREADY_EXISTS: { when: 'the name is taken', status: 409, retry: 'no' },
  NOT_EMPTY: { when: 'a directory or table still holds something', status: 409, retry: 'no' },
  TYPE_MISMATCH: { when: 'the node is of another type', status: 409, retry: 'no' },
  INVALID_PATH: { when: 'the path breaks the rules for paths', status: 400, retry: 'no' },
  INVALID_ARGUMENT: { when: 'the request makes no sense', status: 400, retry: 'no' },
  NO_SPACE: { when: 'every storage class of the order is full', status: 507, retry: 'later' },
  NO_SLOT: { when: 'no active server has a free slot', status: 507, retry: 'later' },
  QUOTA_EXCEEDED: { when: 'the namespace has used up its quota', status: 429, retry: 'later' },
  BUSY: { when: 'somebody else holds the claim', status: 409, retry: 'yes' },
  NO_ACTION_OBJECT: { when: 'the action node has no object', status: 409, retry: 'no' },
  ACTION_FAILED: { when: 'the code of the action threw', status: 422, retry: 'no' },
  ACTION_LOST: { when: 'the thread or server of the action object is gone', status: 410, retry: 'no' },
  DATA_LOST: { when: 'the server that held the bytes is gone', status: 410, retry: 'no' },
  BLOCK_GONE: { when: 'the version that was being read has been freed', status: 410, retry: 'no' },
  UNAUTHENTICATED: { when: 'there is no valid token', status: 401, retry: 'no' },
  FORBIDDEN: { when: 'the token, or the proof, is not good for this', status: 403, retry: 'no' },
  UNAVAILABLE: { when: 'a server does not answer', status: 503, retry: 'yes' },
  TIMEOUT: { when: 'the deadline of the call has passed', status: 504, retry: 'yes' },
  CANCELLED: { when: "the caller's own signal fired", status: 499, retry: 'no' },
  PROTOCOL_ERROR: { when: 'a peer breaks the protocol', status: 400, retry: 'no' },
  INTERNAL: { when: 'a defect of the system itself', status: 500, retry: 'no' },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

export interface GliderErrorOptions {
  readonly cause?: unknown
  /** Set where it is not known whether the operation took effect. */
  readonly outcome?: 'unknown'
  /** Set where a server has begun nothing of what was asked, since it is about to end. */
  readonly draining?: boolean
  readonly operation?: string | undefined
}

/** How an error travels in frames, in the REST face and between threads. */
export interface WireError {
  readonly code: ErrorCode
  readonly message: string
  readonly outcome?: 'unknown'
  readonly draining?: boolean
  /** Stack of the action's code, for `ACTION_FAILED`. */
  readonly stack?: string
}

/** The one error class of the system. `message` names the path or thing, and the remedy. */
export class GliderError extends Error {
  override readonly name = 'GliderError'
  readonly code: ErrorCode
  declare readonly outcome?: 'unknown'
  declare readonly draining?: boolean
  /** Id of the operation that has failed, where it is followed: that of the servers' logs. */
  declare readonly operation?: string

  constructor(code: ErrorCode, message: string, options: GliderErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    if (options.outcome) this.outcome = options.outcome
    if (options.draining) this.draining = true
    if (options.operation !== undefined) this.operation = options.operation
  }

  /** Whether the same call may succeed later without any change by the caller. */
  get retryable(): boolean {
    return errorTable[this.code].retry !== 'no'
  }

  /** Status of the REST face. */
  get status(): number {
    return errorTable[this.code].status
  }

  /** The same as the failure of one operation: others may have failed by the same error. */
  ofOperation(operation: string): GliderError {
    if (this.operation === operation) return this
    const cause = 'cause' in this && { cause: this.cause }
    const error = new GliderError(this.code, this.message, {
      ...cause,
      ...(this.outcome && { outcome: this.outcome }),
      ...(this.draining && { draining: true }),
      operation,
    })
    if (this.stack !== undefined) error.stack = this.stack
    return error
  }

  toWire(): WireError {
    const stack = this.code === 'ACTION_FAILED' ? this.stack : undefined
    const { code, message, outcome, draining } = this
    return { code, message, ...(outcome && { outcome }), ...(draining && { draining }), ...(stack && { stack }) }
  }

  static fromWire(wire: WireError): GliderError {
    const known = Object.hasOwn(errorTable, wire.code)
    const { outcome, draining } = wire
    const error = new GliderError(known ? wire.code : 'INTERNAL', wire.message, {
      ...(outcome && { outcome }),
      ...(draining && { draining }),
    })
    if (wire.stack) error.stack = wire.stack
    return error
  }

  /** Keeps a GliderError as it is; anything else thrown becomes `code` with that as its cause. */
  static from(thrown: unknown, code: ErrorCode = 'INTERNAL', context?: string): GliderError {
    if (isGliderError(thrown)) return thrown
    const reason = reasonOf(thrown)
    return new GliderError(code, context ? `${context}: ${reason}` : reason, { cause: thrown })
  }
}

/** Asking what an object is may run code of its own, and throw: then it is none of ours. */
function isGliderError(thrown: unknown): thrown is GliderError {
  try {
    return thrown instanceof GliderError
  } catch {
    return false
  }
}

/** What anything that was thrown says of itself. Never throws, whatever it is. */
export function reasonOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return 'something that cannot be shown'
  }
}

/** Ends an exhaustive switch: the compiler proves that it is never reached. */
export function unreachable(value: never): never {
  throw new GliderError('INTERNAL', `unexpected value ${JSON.stringify(value)}`)
}

/** States what must always hold; a violation is a defect of ours. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new GliderError('INTERNAL', `invariant broken: ${message}`)
}
