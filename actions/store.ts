/**
 * The face of the SDK: what programs, and actions through `this.store`, see of the store. `glider` exports these types;
 * the client implements them. Every call takes {@link CallOptions} as its last argument; every failure is a GliderError.
 */
import type { Readable, Writable } from 'node:stream'
import type {
  BundleInfo,
  FsckReport,
  NamespaceInfo,
  NodeType,
  ObjectActivity,
  ObjectState,
  Quota,
  QuotaChange,
  ServerInfo,
} from '../protocol/catalogue.ts'

export interface CallOptions {
  /** Aborting it makes the call fail with `CANCELLED`. */
  readonly signal?: AbortSignal
  /**
   * Deadline in milliseconds, above 0; after it the call fails with `TIMEOUT`.
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
  /**
   * Gives the new node a lease of so many milliseconds, at most a day. This client renews it until it is closed: the node lives
   * on while the process that created it does, and is deleted, with everything below it, at most this time and a second later.
   * A node that was there already and is opened gets none, nor do missing directories that are created above.
   */
  readonly ttlMs?: number
}

export interface LeaseOptions extends CallOptions {
  /** Milliseconds, at most a day: so long the node lives from each renewal. */
  readonly ttlMs: number
}

/**
 * Keeps a node alive, and ends it: once the lease has run out, the node is deleted within a second with everything below it, as
 * `delete` with `recursive` does. Of several leases on a node and above it the first to run out counts. Renewed by the client at
 * every third of its time. Time in which the metadata server itself stood still does not count.
 */
export interface Lease extends AsyncDisposable {
  /** As it was when the lease was taken; the lease moves with the node. */
  readonly path: string
  readonly ttlMs: number
  /**
   * Fires when the lease is found to be lost, with a GliderError `NOT_FOUND` as its reason: its node was deleted, or this process
   * stood still for longer than its time. Not fired by {@link Lease.release} or by closing the client; nor while the metadata server
   * cannot be reached, for then nobody knows.
   */
  readonly signal: AbortSignal
  /** Gives it its full time again, now. `NOT_FOUND` once it has run out or was released, or its node is gone. */
  renew(options?: CallOptions): Promise<void>
  /** Ends the lease: the node lives on. `NOT_FOUND` as for {@link Lease.renew}. Disposing does the same where there is still something to do. */
  release(options?: CallOptions): Promise<void>
}

export interface PutOptions extends CallOptions {
  readonly parents?: boolean
  readonly storageClass?: string | readonly string[]
  /** Asks for the server or host that holds the data of this path. */
  readonly near?: string
}

export interface NodeStat {
  readonly path: string
  readonly type: NodeType
  /** Bytes; 0 for directory, table and action. */
  readonly size: number
  readonly storageClass: string
  readonly createdAt: Date
  /** Of the bytes, those that were on servers that are gone; absent where there are none. */
  readonly lostBytes?: number
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
  readonly consumed: Consumed
}

/** What a namespace has had. Counting starts with the metadata server; storage and active servers tell of what they did each second. */
export interface Consumed {
  /** When counting began, in milliseconds since 1970. */
  readonly since: number
  /** Bytes of the blocks taken, times the seconds that they were, by storage class. */
  readonly byteSeconds: Readonly<Record<string, number>>
  /** The same of small values, which the metadata server keeps. */
  readonly inlineByteSeconds: number
  /** Slots taken, times the seconds that they were. */
  readonly slotSeconds: number
  /** Asked of any server: each request and each stream is one. */
  readonly operations: number
  /** Of nodes, from clients and actions. */
  readonly bytesIn: number
  /** Of nodes, to clients and actions. */
  readonly bytesOut: number
  /** Milliseconds that actions had their threads busy. */
  readonly actionMs: number
}

/** What this client has moved since it was made. Counted where bytes enter and leave the SDK, without frame headers. */
export interface Counters {
  /** Bytes of nodes sent to servers. */
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

export interface WriteStreamOptions {
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

export interface TableEntry {
  readonly key: string
  readonly size: number
}

/** Values of any size by key. A key is one part of a path, and its `keyvalue` is at `table/key`. */
export interface TableNode extends StoreNode {
  readonly type: 'table'
  /** Makes or replaces a value, at once: readers see the old bytes or the new ones, and of several puts the last one wins. */
  put(key: string, bytes: Uint8Array | string, options?: CallOptions): Promise<void>
  /** `NOT_FOUND` where there is no such key. */
  get(key: string, options?: CallOptions): Promise<Buffer>
  /** Answers whether the key was there. */
  delete(key: string, options?: CallOptions): Promise<boolean>
  /** Every key that is there throughout, once, in no order. */
  entries(options?: CallOptions): AsyncIterable<TableEntry>
}

/** One value of a table; `put` and `get` of the table, or of the store with its path, handle it whole. */
export interface KeyValueNode extends StoreNode {
  readonly type: 'keyvalue'
  createReadStream(options?: FileReadStreamOptions): Readable
  /** Replaces the value when it closes, unless another writer does so later; there may be any number of writers. */
  createWriteStream(options?: WriteStreamOptions): Writable
}

/** Many writers add parts at the same time, and a reader gets them all. */
export interface BagNode extends StoreNode {
  readonly type: 'bag'
  /** A new part. It is there once its stream has closed; an aborted one leaves nothing, an empty one vanishes. */
  append(options?: WriteStreamOptions): Writable
  /** Every part that is there when it opens, once: its bytes in order, the parts in any. */
  createReadStream(options?: ReadStreamOptions): Readable
}

export interface CreateObjectOptions extends CallOptions {
  /** Other streams and calls may take a turn while one awaits. @default what the class says, or else false */
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

/** Something that an action has logged or printed, or an error that nobody caught. */
export interface ActionLogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly details?: object
  /** Id of the operation whose turn has said it, where its client has operations followed. */
  readonly operation?: string
}

export interface ActionLogsOptions {
  readonly signal?: AbortSignal
  /** Goes on with what is logged from now on, until the object ends. @default true */
  readonly follow?: boolean
}

export interface ActionNode extends StoreNode {
  readonly type: 'action'
  /** Makes the object; resolves after its `onCreate`. `definition` is `bundle/Class` or an unambiguous `Class`. */
  create(definition: string, options?: CreateObjectOptions): Promise<void>
  /** Deletes the object, not the node; answers whether there was one. `onDelete` runs first. */
  delete(options?: DeleteObjectOptions): Promise<boolean>
  createReadStream(options?: ReadStreamOptions): Readable
  createWriteStream(options?: ActionWriteStreamOptions): Writable
  /** The deadline, by default none, is that of the opening. */
  openReader(options?: CallOptions): Promise<ActionReader>
  openWriter(options?: CallOptions & ActionWriteStreamOptions): Promise<ActionWriter>
  /** One JSON value in, one out, at most 1 MiB each way. */
  call(name: string, value?: unknown, options?: CallOptions): Promise<unknown>
  /** What the object has logged of late, and by default what it goes on to log. */
  logs(options?: ActionLogsOptions): AsyncIterable<ActionLogLine>
}

export interface DeleteObjectOptions extends CallOptions {
  /** Whether to wait for streams and calls, or to abort them. @default 'wait' */
  readonly mode?: 'wait' | 'abort'
}

export interface NodeByType {
  readonly file: FileNode
  readonly directory: DirectoryNode
  /** Holds keyvalues, and nothing else. */
  readonly table: TableNode
  /** Exists only in a table. */
  readonly keyvalue: KeyValueNode
  /** Parts, written at the same time and read together. */
  readonly bag: BagNode
  readonly action: ActionNode
}

export interface CreateNamespaceOptions extends CallOptions {
  /** Storage classes that its bytes may be in, in order, and no others. @default those of the cluster */
  readonly classes?: readonly string[]
  /** What it may have at most. @default without limits */
  readonly quota?: Quota
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
  /** Lets a node live only while the lease is renewed, which this client does until it is released, or the client closed. */
  lease(path: string, options: LeaseOptions): Promise<Lease>
  /** Creates or replaces a file (a keyvalue below a table), at once: readers see the old bytes or the new ones. */
  put(path: string, bytes: Uint8Array | string, options?: PutOptions): Promise<void>
  get(path: string, options?: CallOptions): Promise<Buffer>
  /** Bundles a TypeScript or JavaScript file and registers the Action classes that it exports. */
  deploy(file: string, options?: DeployOptions): Promise<BundleInfo>
  definitions(options?: CallOptions): Promise<BundleInfo[]>
  /**
   * Takes a bundle out; answers whether it was there. `BUSY` while objects of it live; with `force` these keep their code until they
   * are deleted, and new ones cannot be made.
   */
  undeploy(name: string, options?: CallOptions & { readonly force?: boolean }): Promise<boolean>
  servers(options?: CallOptions): Promise<ServerInfo[]>
  /** For operators: what the busiest objects of each active server do. */
  activity(options?: CallOptions & { readonly most?: number }): Promise<ObjectActivity[]>
  /** Puts nothing new on a server from now on. What is there stays: with `wait`, resolves once that has been deleted. */
  drainServer(id: string, options?: CallOptions & { readonly wait?: boolean }): Promise<ServerInfo>
  /** Takes a server out of the cluster; one that still holds something only with `force`, and that is lost. */
  removeServer(id: string, options?: CallOptions & { readonly force?: boolean }): Promise<ServerInfo>
  usage(options?: CallOptions): Promise<Usage>
  /** For operators: makes a namespace, and tells its token this once. */
  createNamespace(name: string, options?: CreateNamespaceOptions): Promise<{ readonly name: string; readonly token: string }>
  /** For operators. */
  namespaces(options?: CallOptions): Promise<NamespaceInfo[]>
  /** For operators: changes the limits that are named; null is none. What a namespace has already beyond one stays. */
  setQuota(name: string, quota: QuotaChange, options?: CallOptions): Promise<NamespaceInfo>
  /** For operators: another token. Who came by the old one is out at once. */
  rotateToken(name: string, options?: CallOptions): Promise<{ readonly name: string; readonly token: string }>
  /** For operators: no token until it is rotated. Who came by it is out at once. */
  revokeToken(name: string, options?: CallOptions): Promise<void>
  /** For operators; answers whether it was there. One that holds nodes goes only with `force`, and they are gone. */
  deleteNamespace(name: string, options?: CallOptions & { readonly force?: boolean }): Promise<boolean>
  /**
   * Compares the tree with what every server holds; with `repair`, frees what nobody owns. No deadline unless given.
   */
  fsck(options?: CallOptions & { readonly repair?: boolean }): Promise<FsckReport>
  counters(): Counters
  /** Ends every connection. Nodes stay; leases are neither renewed nor released any more, and run out. */
  close(): Promise<void>
}
