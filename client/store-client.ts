import type {
  CallOptions,
  Counters,
  CreateNamespaceOptions,
  CreateOptions,
  DeployOptions,
  Lease,
  LeaseOptions,
  ListEntry,
  NodeByType,
  NodeStat,
  PutOptions,
  StoreClient,
  Usage,
} from '../actions/store.ts'
import {
  type BundleInfo,
  catalogue,
  type FsckReport,
  type HeadOf,
  type NamespaceInfo,
  type NodeType,
  type ObjectActivity,
  type QuotaChange,
  type ServerInfo,
} from '../protocol/catalogue.ts'
import { systemClock, systemRandomness } from '../protocol/clock.system.ts'
import type { Clock, Randomness } from '../protocol/clock.ts'
import { connectionContext } from '../protocol/connection.ts'
import { dial as dialServer } from '../protocol/dial.system.ts'
import { NO_ORIGIN, type Origin } from '../protocol/origin.ts'
import { originOf } from './action-link.ts'
import { ActionLinks } from './action-links.ts'
import { parseAddress } from './address.ts'
import { keepAlive } from './alive.system.ts'
import { BlockIo } from './block-io.ts'
import { bundle, bundleName } from './bundle.ts'
import { type ConnectOptions, checkedOptions } from './connect-options.ts'
import { Connections, type Dial } from './connections.ts'
import type { ClientContext } from './context.ts'
import { TransferCounters } from './counters.ts'
import { InlineLimit } from './inline-limit.ts'
import { Leases } from './leases.ts'
import { listNodes } from './listing.ts'
import { DEFAULT_TIMEOUT_MS, MetadataClient } from './metadata.ts'
import { nodeProxy } from './nodes.ts'
import { statOf } from './stat.ts'
import { hashOf, newToken } from './tokens.ts'
import { ClientTracing } from './tracing.ts'
import { bytesOf, getValue, putValue } from './values.ts'
import { checkTimeout, throwIfCancelled, unlessCancelled, unlessLate } from './waiting.ts'

/** What no program says. */
export interface InternalOptions {
  /** Of the thread of an action. */
  readonly origin?: () => Origin
  /** How servers are reached: a benchmark puts a narrow link there. @default a socket */
  readonly dial?: Dial
  /** @default those of the system */
  readonly clock?: Clock
  readonly randomness?: Randomness
}

/**
 * Connects to a cluster. The client keeps its process alive until it is closed.
 * @param address of the metadata server: `http://host:port`, `ws://host:port` to speak frames over WebSockets, both with an `s` for TLS, or
 *   `host:port`
 * @throws GliderError UNAVAILABLE where no server answers, INVALID_ARGUMENT for an address that is none, or of another server, and for
 *   options that make no sense
 */
export async function connectStore(address: string, given: ConnectOptions = {}): Promise<StoreClient> {
  const what = `connecting to ${address}`
  const options = checkedOptions(given)
  throwIfCancelled(what, options.signal)
  checkTimeout(options.timeoutMs)
  const letGo = keepAlive()
  let store: Store | undefined
  try {
    store = new Store(address, options, letGo)
    const reached = unlessCancelled(store.reach(), what, options.signal)
    await unlessLate(reached, systemClock, options.timeoutMs ?? DEFAULT_TIMEOUT_MS, what)
    return store
  } catch (error) {
    letGo()
    await store?.close()
    throw error
  }
}

/** A client that connects when it is first used, and keeps nothing alive. */
export function openStore(address: string, options: ConnectOptions & InternalOptions): StoreClient {
  return new Store(address, options, () => {})
}

class Store implements StoreClient {
  readonly #context: ClientContext
  readonly #letGo: () => void

  /** @param letGo ends what has kept the process alive for this client */
  constructor(address: string, options: ConnectOptions & InternalOptions, letGo: () => void) {
    const { namespace, token, tlsCa, spin = true, operationIds = false, origin, dial = dialServer } = options
    const { clock = systemClock, randomness = systemRandomness } = options
    this.#letGo = letGo
    const { host, webSocket, isSecure } = parseAddress(address)
    const clientId = randomness.id()
    const hello = {
      role: 'client' as const,
      clientId,
      ...(namespace && { namespace }),
      ...(token && { token }),
    }
    const how = { webSocket, tls: isSecure ? { ca: tlsCa } : undefined }
    const connections = new Connections(connectionContext(clock, { spin }), hello, host, how, dial)
    const counters = new TransferCounters()
    const from = origin ?? nowhere
    const tracing = ClientTracing.of({ ids: operationIds, clientId, namespace, origin: from }, origin !== undefined)
    const metadata = new MetadataClient(host, connections, tracing)
    this.#context = {
      metadata,
      connections,
      blocks: new BlockIo(connections, counters),
      leases: new Leases(metadata, clock),
      links: new ActionLinks(),
      counters,
      inline: new InlineLimit(),
      origin: from,
      tracing,
    }
  }

  /** Makes sure that a metadata server answers, and lets this client in. */
  async reach(): Promise<void> {
    await this.#context.metadata.connect()
    // Its hello says nothing of whether it takes us in; its first answer does.
    await this.#context.metadata.request(catalogue.exists, { path: '/' })
  }

  create<T extends keyof NodeByType>(path: string, type: T, options?: CreateOptions): Promise<NodeByType[T]> {
    const { metadata, leases } = this.#context
    const creation = creationOf(path, type, options)
    // What it replaces may be an action, for whose end it then waits.
    const head = options?.ifExists === 'replace' ? { ...creation, ...originOf(this.#context) } : creation
    return metadata.ask(catalogue.create, head, undefined, options, info => {
      const { lease } = info
      if (lease !== undefined && options?.ttlMs !== undefined) leases.hold({ ...info, lease }, options.ttlMs)
      return nodeProxy(this.#context, info) as NodeByType[T]
    })
  }

  lookup<T extends keyof NodeByType>(path: string, type: T, options?: CallOptions): Promise<NodeByType[T]>
  lookup(path: string, type?: undefined, options?: CallOptions): Promise<NodeByType[keyof NodeByType]>
  lookup(path: string, type?: NodeType, options?: CallOptions): Promise<NodeByType[keyof NodeByType]> {
    const head = type ? { path, type } : { path }
    return this.#context.metadata.ask(catalogue.lookup, head, undefined, options, info => nodeProxy(this.#context, info))
  }

  stat(path: string, options?: CallOptions): Promise<NodeStat> {
    return this.#context.metadata.ask(catalogue.stat, { path }, undefined, options, info => statOf(this.#context, info))
  }

  async exists(path: string, options?: CallOptions): Promise<boolean> {
    return (await this.#context.metadata.request(catalogue.exists, { path }, options)).exists
  }

  list(path: string, options?: CallOptions): AsyncIterable<ListEntry> {
    return listNodes(this.#context, { path }, options)
  }

  delete(path: string, options?: CallOptions & { readonly recursive?: boolean }): Promise<boolean> {
    const recursive = options?.recursive
    const head = { path, ...(recursive !== undefined && { recursive }), ...originOf(this.#context) }
    return this.#context.metadata.ask(catalogue.delete, head, undefined, options, ({ deleted }) => deleted)
  }

  rename(from: string, to: string, options?: CallOptions): Promise<void> {
    return this.#context.metadata.ask(catalogue.rename, { from, to }, undefined, options, () => undefined)
  }

  async lease(path: string, options: LeaseOptions): Promise<Lease> {
    // Without any, as a program in JavaScript may call it, the server tells what is missing.
    const { ttlMs, signal, timeoutMs } = { ...options }
    const given = await this.#context.metadata.request(catalogue.takeLease, { path, ttlMs }, callOf(signal, timeoutMs))
    return this.#context.leases.hold(given, ttlMs)
  }

  async put(path: string, bytes: Uint8Array | string, options: PutOptions = {}): Promise<void> {
    const { parents, storageClass, near, signal, timeoutMs } = options
    const call = callOf(signal, timeoutMs)
    const wishes = {
      ...(parents !== undefined && { parents }),
      ...classOf(storageClass),
      ...(near !== undefined && { near }),
    }
    await putValue(this.#context, { path }, bytesOf(bytes, path), wishes, call)
  }

  get(path: string, options: CallOptions = {}): Promise<Buffer> {
    return getValue(this.#context, { path }, options)
  }

  async deploy(file: string, options: DeployOptions = {}): Promise<BundleInfo> {
    const { signal, timeoutMs, name = bundleName(file) } = options
    throwIfCancelled(`deploying ${file}`, signal)
    checkTimeout(timeoutMs)
    const code = await bundle(file)
    const head = { name, file, size: code.length }
    return this.#context.metadata.upload(catalogue.deploy, head, code, callOf(signal, timeoutMs))
  }

  async definitions(options?: CallOptions): Promise<BundleInfo[]> {
    return (await this.#context.metadata.request(catalogue.definitions, {}, options)).bundles
  }

  async undeploy(name: string, options: CallOptions & { readonly force?: boolean } = {}): Promise<boolean> {
    const { force = false, signal, timeoutMs } = options
    const head = { name, force }
    return (await this.#context.metadata.request(catalogue.undeploy, head, callOf(signal, timeoutMs))).undeployed
  }

  async servers(options?: CallOptions): Promise<ServerInfo[]> {
    return (await this.#context.metadata.request(catalogue.servers, {}, options)).servers
  }

  async activity(options: CallOptions & { readonly most?: number } = {}): Promise<ObjectActivity[]> {
    const { most, signal, timeoutMs } = options
    const head = most === undefined ? {} : { most }
    return (await this.#context.metadata.request(catalogue.activity, head, callOf(signal, timeoutMs))).objects
  }

  async drainServer(id: string, options: CallOptions & { readonly wait?: boolean } = {}): Promise<ServerInfo> {
    const { wait = false, signal, timeoutMs } = options
    const info = await this.#context.metadata.request(catalogue.drainServer, { id }, callOf(signal, timeoutMs))
    if (!wait || info.used === 0) return info
    return this.#context.metadata.request(catalogue.awaitEmpty, { id }, callOf(signal, timeoutMs ?? UNLIMITED_MS))
  }

  removeServer(id: string, options: CallOptions & { readonly force?: boolean } = {}): Promise<ServerInfo> {
    const { force = false, signal, timeoutMs } = options
    return this.#context.metadata.request(catalogue.removeServer, { id, force }, callOf(signal, timeoutMs))
  }

  usage(options?: CallOptions): Promise<Usage> {
    return this.#context.metadata.request(catalogue.usage, {}, options)
  }

  async createNamespace(
    name: string,
    { classes, quota, signal, timeoutMs }: CreateNamespaceOptions = {},
  ): Promise<{ name: string; token: string }> {
    const token = newToken()
    const head = { name, tokenHash: hashOf(token), ...(classes && { classes: [...classes] }), ...(quota && { quota }) }
    await this.#context.metadata.request(catalogue.createNamespace, head, callOf(signal, timeoutMs))
    return { name, token }
  }

  async namespaces(options?: CallOptions): Promise<NamespaceInfo[]> {
    const all: NamespaceInfo[] = []
    for (let after: string | undefined; ; ) {
      const head = after === undefined ? {} : { after }
      const { namespaces, next } = await this.#context.metadata.request(catalogue.listNamespaces, head, options)
      all.push(...namespaces)
      if (next === undefined) return all
      after = next
    }
  }

  setQuota(name: string, quota: QuotaChange, options?: CallOptions): Promise<NamespaceInfo> {
    return this.#context.metadata.request(catalogue.setQuota, { name, quota }, options)
  }

  async rotateToken(name: string, options?: CallOptions): Promise<{ name: string; token: string }> {
    const token = newToken()
    await this.#context.metadata.request(catalogue.rotateToken, { name, tokenHash: hashOf(token) }, options)
    return { name, token }
  }

  async revokeToken(name: string, options?: CallOptions): Promise<void> {
    await this.#context.metadata.request(catalogue.revokeToken, { name }, options)
  }

  async deleteNamespace(name: string, options: CallOptions & { readonly force?: boolean } = {}): Promise<boolean> {
    const { force = false, signal, timeoutMs } = options
    const head = { name, force }
    return (await this.#context.metadata.request(catalogue.deleteNamespace, head, callOf(signal, timeoutMs))).deleted
  }

  fsck(options: CallOptions & { readonly repair?: boolean } = {}): Promise<FsckReport> {
    const { repair = false, signal, timeoutMs = UNLIMITED_MS } = options
    return this.#context.metadata.request(catalogue.fsck, { repair }, callOf(signal, timeoutMs))
  }

  counters(): Counters {
    return this.#context.counters.snapshot()
  }

  close(): Promise<void> {
    this.#letGo()
    this.#context.leases.close()
    return this.#context.connections.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function creationOf(path: string, type: NodeType, options: CreateOptions | undefined): HeadOf<typeof catalogue.create> {
  if (!options) return { path, type }
  const { storageClass, ...wanted } = options
  return { path, type, ...wanted, ...notSent, ...classOf(storageClass) }
}

/** Outside of actions. */
function nowhere(): Origin {
  return NO_ORIGIN
}

/** Options of the call itself: what is undefined is left out of a head. */
const notSent = { signal: undefined, timeoutMs: undefined }

/** Longer than any process. */
const UNLIMITED_MS = 2 ** 40

function callOf(signal: AbortSignal | undefined, timeoutMs: number | undefined): CallOptions {
  return { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) }
}

function classOf(storageClass: string | readonly string[] | undefined): { storageClass?: string | string[] } {
  if (storageClass === undefined) return {}
  return { storageClass: typeof storageClass === 'string' ? storageClass : [...storageClass] }
}
