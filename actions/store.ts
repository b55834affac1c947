/**
 * The face of the SDK: what programs, and actions through `this.store`, see of the store. `glider` exports these types;
 * the client implements them. Every call takes {@link CallOptions} as its last argument; every failure is a GliderError.
 */
import type { Readable, Writable } from 'node:stream'
import type { BundleInfo, NodeType, ObjectState, ServerInfo } from '../protocol/catalogue.ts'

export interface CallOptions {
  /** Aborting it makes the call fail with `CANCELLED`. */
  readonly signal?: AbortSignal
  /**
   * Deadline in milliseconds; after it the call fails with `TIMEOUT`.
   * @default 30000 for metadata and block operations; none for calls on an action
   */
  readonly timeoutMs?: number
}

export interface CreateOptions extends CallOptions {
  /** Creates missing directories above, too. @default false */
  readonly parents?: boolean
  /** What to do where the name is taken. @default 'error' */
  readonly ifExists?: 'error' | 'open' | 'replace'
  /** A class, then the rest of the namespace's order; or exactly these, in this order. */
  readonly storageClass?: string | readonly string[]
  /** Asks for the server or host that holds the data of this path. */
  readonly near?: string
  /** The node is deleted this many milliseconds from now unless a lease is renewed. */
  readonly ttlMs?: number
}

export interface PutOptions extends CallOptions {
  readonly parents?: boolean
  readonly storageClass?: string | readonly string[]
}

export interface NodeStat {
  readonly path: string
  readonly type: NodeType
  /** Bytes; 0 for directory, table and action. */
  readonly size: number
  readonly storageClass: string
  readonly createdAt: Date
  /** Of action nodes. */
  readonly object?: {
    readonly state: ObjectState
    readonly definition?: string
    readonly version?: string
    readonly interleaved?: boolean
    /** host:port of the active server it lives on. */
    readonly server?: string
  }
}

export interface ListEntry {
  readonly name: string
  readonly path: string
  readonly type: NodeType
  readonly size: number
}

export interface Usage {
  readonly nodes: number
  /** Committed bytes. */
  readonly storedBytes: number
  /** Blocks taken, those of open writers included. */
  readonly blocks: number
  readonly slots: number
}

/** What this client has moved since it was made. Counted where bytes enter and leave the SDK, without frame headers. */
export interface Counters {
  /** Bytes of nodes sent to storage and active servers. */
  readonly bytesSent: number
  /** Bytes of nodes received from them. */
  readonly bytesReceived: number
  /** Reads and writes of nodes begun: each stream, put, get, direct handle and call is one. */
  readonly transfers: number
}

/** What all proxies share. A proxy holds the node, not its name: it outlives a rename. */
export interface StoreNode {
  readonly type: NodeType
  /** As last told by the metadata server; {@link StoreNode.stat} asks for it. */
  readonly path: string
  stat(options?: CallOptions): Promise<NodeStat>
}

export interface ReadStreamOptions {
  readonly signal?: AbortSignal
}

export interface FileReadStreamOptions extends ReadStreamOptions {
  /** First byte. @default 0 */
  readonly start?: number
  /** Last byte, inclusive. @default the end */
  readonly end?: number
}

export interface FileWriteStreamOptions {
  readonly signal?: AbortSignal
  /** Writes behind the committed bytes instead of replacing them. @default false */
  readonly append?: boolean
}

/** A write stream of a file; `sync` publishes what an appending stream has written so far. */
export interface FileWriteStream extends Writable {
  sync(options?: CallOptions): Promise<void>
}

export interface FileHandle extends AsyncDisposable {
  /** Committed length when it was opened; with `write`, also what was written since. */
  readonly size: number
  /** Reads into `buffer`, which belongs to the call until it resolves. Answers how many bytes: fewer only at the end. */
  read(position: number, buffer: Uint8Array, options?: CallOptions): Promise<number>
  /** Writes in place. `buffer` belongs to the call until it resolves. */
  write(position: number, buffer: Uint8Array, options?: CallOptions): Promise<void>
  /** Publishes the length; a gap that was never written reads as zeros. */
  sync(options?: CallOptions): Promise<void>
  close(options?: CallOptions): Promise<void>
}

export interface FileNode extends StoreNode {
  readonly type: 'file'
  createReadStream(options?: FileReadStreamOptions): Readable
  createWriteStream(options?: FileWriteStreamOptions): FileWriteStream
  /** A direct handle, without buffering, with any number of operations outstanding. */
  open(options?: CallOptions & { readonly write?: boolean }): Promise<FileHandle>
}

export interface DirectoryNode extends StoreNode {
  readonly type: 'directory'
  list(options?: CallOptions): AsyncIterable<ListEntry>
}

export interface CreateObjectOptions extends CallOptions {
  /** Other streams and calls may take a turn while one awaits. @default false */
  readonly interleaved?: boolean
  /** JSON, at most 32 KiB; `this.params` of the object. */
  readonly params?: unknown
  /** Deletes the object that is there first. @default false */
  readonly replace?: boolean
}

export interface ActionWriteStreamOptions {
  readonly signal?: AbortSignal
  /** Makes the stream count once: one with the key of a stream that has completed is discarded. */
  readonly key?: string
}

/** Unbuffered writes into an action; any number outstanding, taken in order. */
export interface ActionWriter extends AsyncDisposable {
  /** Resolves when the server has taken the bytes; `buffer` belongs to the call until then. */
  write(buffer: Uint8Array): Promise<void>
  /** Waits for `onWrite` to return. */
  close(): Promise<void>
  abort(reason?: unknown): void
}

/** Unbuffered reads from an action; any number outstanding, filled in order. */
export interface ActionReader extends AsyncDisposable {
  /** Answers how many bytes, 0 at the end; `buffer` belongs to the call until then. */
  read(buffer: Uint8Array): Promise<number>
  close(): Promise<void>
  abort(reason?: unknown): void
}

export interface ActionNode extends StoreNode {
  readonly type: 'action'
  /** Makes the object; resolves after its `onCreate`. `definition` is `bundle/Class` or an unambiguous `Class`. */
  create(definition: string, options?: CreateObjectOptions): Promise<void>
  /** Deletes the object, not the node; answers whether there was one. `onDelete` runs first. */
  delete(options?: DeleteObjectOptions): Promise<boolean>
  createReadStream(options?: ReadStreamOptions): Readable
  createWriteStream(options?: ActionWriteStreamOptions): Writable
  openReader(options?: ReadStreamOptions): Promise<ActionReader>
  openWriter(options?: ActionWriteStreamOptions): Promise<ActionWriter>
  /** One JSON value in, one out, at most 1 MiB each way. */
  call(name: string, value?: unknown, options?: CallOptions): Promise<unknown>
}

export interface DeleteObjectOptions extends CallOptions {
  /** Whether to wait for streams and calls, or to abort them. @default 'wait' */
  readonly mode?: 'wait' | 'abort'
}

export interface NodeByType {
  readonly file: FileNode
  readonly directory: DirectoryNode
  readonly action: ActionNode
}

export interface DeployOptions extends CallOptions {
  /** @default the base name of the file, without its ending */
  readonly name?: string
}

export interface StoreClient extends AsyncDisposable {
  create<T extends keyof NodeByType>(path: string, type: T, options?: CreateOptions): Promise<NodeByType[T]>
  lookup<T extends keyof NodeByType>(path: string, type: T, options?: CallOptions): Promise<NodeByType[T]>
  lookup(path: string, type?: undefined, options?: CallOptions): Promise<NodeByType[keyof NodeByType]>
  stat(path: string, options?: CallOptions): Promise<NodeStat>
  exists(path: string, options?: CallOptions): Promise<boolean>
  list(path: string, options?: CallOptions): AsyncIterable<ListEntry>
  /** Answers whether something was there. */
  delete(path: string, options?: CallOptions & { readonly recursive?: boolean }): Promise<boolean>
  rename(from: string, to: string, options?: CallOptions): Promise<void>
  /** Creates or replaces a file, at once: readers see the old bytes or the new ones. */
  put(path: string, bytes: Uint8Array | string, options?: PutOptions): Promise<void>
  get(path: string, options?: CallOptions): Promise<Buffer>
  /** Bundles a TypeScript or JavaScript file and registers the Action classes that it exports. */
  deploy(file: string, options?: DeployOptions): Promise<BundleInfo>
  definitions(options?: CallOptions): Promise<BundleInfo[]>
  servers(options?: CallOptions): Promise<ServerInfo[]>
  usage(options?: CallOptions): Promise<Usage>
  counters(): Counters
  /** Ends every connection. Nodes stay. */
  close(): Promise<void>
}
