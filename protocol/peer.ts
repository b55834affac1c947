/** The faces of a connection: what servers and the client build on. The classes behind them are in connection.ts and stream.ts. */
import type { GliderError } from './errors.ts'
import type { Asker, Operation } from './operation.ts'

/** What a side says of itself in its first frame. */
export interface Hello {
  readonly version: { readonly major: number; readonly minor: number }
  readonly role: 'client' | 'metadata' | 'storage' | 'active'
  /** One per StoreClient or server process; kept answers belong to it. */
  readonly clientId: string
  /** Of a client that does not take what its token says; of an active server, that it is for. */
  readonly namespace?: string
  readonly token?: string
  readonly limits: { readonly headBytes: number; readonly bodyBytes: number }
}

/**
 * Whom a connection speaks for, as the side that takes its requests has found out. An operator may do what a tenant may; a server that is taken
 * at its word everything.
 */
export interface Principal {
  readonly kind: Exclude<Asker, 'anyone'>
  /** The server that it has proved to be: it may do what servers do, in its own name, and nothing else. */
  readonly proved?: ProvedServer
}

export type ProvedServer = Pick<Hello, 'role' | 'clientId' | 'namespace'>

export interface RequestOptions {
  readonly body?: Uint8Array | undefined
  /** Aborting it fails the request with CANCELLED, and tells the other side. */
  readonly signal?: AbortSignal | undefined
  /** Fails the request with TIMEOUT after so many milliseconds. @default none */
  readonly timeoutMs?: number | undefined
}

export interface Answer<A> {
  readonly head: A
  /** Belongs to the receiver. Empty unless the operation has bytes. */
  readonly body: Buffer
}

/** What a handler of an operation with bytes answers. */
export interface Reply<A> {
  readonly head: A
  /** Must stay as it is from then on: it leaves later. */
  readonly body?: Uint8Array | undefined
}

/** One multiplexed connection between two servers, or a client and a server. */
export interface Connection {
  /** The other side. */
  readonly peer: Hello
  /** Undefined until the other side has proved who it is, where that is asked for. */
  principal: Principal | undefined
  /** host:port of the other side, for messages and logs. */
  readonly remote: string
  readonly closed: boolean
  request<Head, A>(operation: Operation<Head, A>, head: NoInfer<Head>, options?: RequestOptions): Promise<Answer<A>>
  /** Opens a stream for an upload or download operation. */
  open<Head, A>(operation: Operation<Head, A>, head: NoInfer<Head>): ByteStream<A>
  /** `listener` runs once when the connection has gone, at once if it has; the answer takes it off again. */
  onClose(listener: (reason: GliderError) => void): () => void
  /** Whatever is under way fails with `reason` (by default UNAVAILABLE). */
  close(reason?: GliderError): void
  /** The same, and the other side is told why. */
  dismiss(reason: GliderError): void
}

/**
 * One open stream. Bytes are pulled: `read` is what returns credit to the sender. Either side may `reset` at any time; then,
 * or when the connection goes, everything that waits here rejects with that error: an end is only ever seen when all bytes
 * were sent and the other side said so.
 */
export interface ByteStream<A = unknown> {
  readonly connection: Connection
  /** Fires, with the error as its reason, when the stream is reset or its connection goes. */
  readonly signal: AbortSignal
  /** The next bytes, which belong to the caller; undefined at the end. One read at a time. */
  read(): Promise<Buffer | undefined>
  /** Resolves once the bytes have left: until then the memory belongs to the stream. */
  write(bytes: Uint8Array): Promise<void>
  /** All bytes were written; resolves with the other side's answer (of the accepting side: when it has left). */
  end(): Promise<A>
  reset(error: GliderError): void
}

/** What a handler knows of who asks. */
export interface Call {
  readonly connection: Connection
  /** Fires when the asker no longer wants the answer, or its connection goes. */
  readonly signal: AbortSignal
}

/** What a server does for each operation that it answers. Heads are validated before a handler sees them. */
export interface Handlers {
  /** For operations without bytes. */
  answer<Head, A>(operation: Operation<Head, A>, handler: (head: Head, call: Call) => A | Promise<A>): void
  /** For operations with a body each way; that of the request is the handler's to keep. */
  answerBytes<Head, A>(
    operation: Operation<Head, A>,
    handler: (head: Head, body: Buffer, call: Call) => Reply<A> | Promise<Reply<A>>,
  ): void
  /** For uploads and downloads: the stream ends with the handler's answer, or is reset with its error. */
  stream<Head, A>(operation: Operation<Head, A>, handler: (head: Head, stream: ByteStream, call: Call) => Promise<A>): void
}
