import type { Readable, Writable } from 'node:stream'
import type {
  ActionLogLine,
  ActionLogsOptions,
  ActionNode,
  ActionReader,
  ActionWriter,
  ActionWriteStreamOptions,
  BagNode,
  CallOptions,
  CreateObjectOptions,
  DeleteObjectOptions,
  DirectoryNode,
  FileHandle,
  FileNode,
  FileReadStreamOptions,
  FileWriteStream,
  FileWriteStreamOptions,
  KeyValueNode,
  ListEntry,
  NodeByType,
  NodeStat,
  ReadStreamOptions,
  TableEntry,
  TableNode,
  WriteStreamOptions,
} from '../actions/store.ts'
import { catalogue, type NodeInfo } from '../protocol/catalogue.ts'
import { GliderError, unreachable } from '../protocol/errors.ts'
import { toJson } from '../protocol/json.ts'
import { DirectReader, DirectWriter } from './action-direct.ts'
import { callAction, openActionRead, openActionWrite, originOf } from './action-link.ts'
import { actionLogs } from './action-logs.ts'
import { actionReadStream, actionWriteStream } from './action-streams.ts'
import { bagReadStream } from './bag-reader.ts'
import type { ActionTarget, ClientContext } from './context.ts'
import { openFile } from './file-handle.ts'
import { fileReadStream, fileWriteStream } from './file-streams.ts'
import { listNodes } from './listing.ts'
import { statOf } from './stat.ts'
import { bytesOf, getValue, putValue } from './values.ts'

/** What the proxies share: each names its node by id, so that a rename does not matter to it. */
class NodeProxy {
  protected readonly context: ClientContext
  protected readonly target: { readonly node: number }
  #path: string

  constructor(context: ClientContext, info: NodeInfo) {
    this.context = context
    this.target = { node: info.node }
    this.#path = info.path
  }

  get path(): string {
    return this.#path
  }

  stat(options?: CallOptions): Promise<NodeStat> {
    return this.context.metadata.ask(catalogue.stat, this.target, undefined, options, info => {
      this.#path = info.path
      return statOf(this.context, info)
    })
  }
}

class FileProxy extends NodeProxy implements FileNode {
  readonly type = 'file'

  createReadStream(options?: FileReadStreamOptions): Readable {
    return fileReadStream(this.context, this.target, options)
  }

  createWriteStream(options?: FileWriteStreamOptions): FileWriteStream {
    return fileWriteStream(this.context, this.target, options)
  }

  open({ write = false, ...options }: CallOptions & { readonly write?: boolean } = {}): Promise<FileHandle> {
    return openFile(this.context, this.target, write, options)
  }
}

class DirectoryProxy extends NodeProxy implements DirectoryNode {
  readonly type = 'directory'

  list(options?: CallOptions): AsyncIterable<ListEntry> {
    return listNodes(this.context, this.target, options)
  }
}

class TableProxy extends NodeProxy implements TableNode {
  readonly type = 'table'

  async put(key: string, bytes: Uint8Array | string, options?: CallOptions): Promise<void> {
    return putValue(this.context, { node: this.target.node, key }, bytesOf(bytes, `${this.path}/${key}`), undefined, options)
  }

  get(key: string, options?: CallOptions): Promise<Buffer> {
    return getValue(this.context, { node: this.target.node, key }, options)
  }

  async delete(key: string, options?: CallOptions): Promise<boolean> {
    return (await this.context.metadata.request(catalogue.delete, { ...this.target, key }, options)).deleted
  }

  async *entries(options?: CallOptions): AsyncGenerator<TableEntry, void, undefined> {
    for await (const { name, size } of listNodes(this.context, this.target, options)) yield { key: name, size }
  }
}

class KeyValueProxy extends NodeProxy implements KeyValueNode {
  readonly type = 'keyvalue'

  createReadStream(options?: FileReadStreamOptions): Readable {
    return fileReadStream(this.context, this.target, options)
  }

  createWriteStream({ signal }: WriteStreamOptions = {}): Writable {
    return fileWriteStream(this.context, this.target, { ...(signal && { signal }) })
  }
}

class BagProxy extends NodeProxy implements BagNode {
  readonly type = 'bag'

  append({ signal }: WriteStreamOptions = {}): Writable {
    return fileWriteStream(this.context, this.target, { append: true, ...(signal && { signal }) })
  }

  createReadStream(options?: ReadStreamOptions): Readable {
    return bagReadStream(this.context, this.target, options)
  }
}

class ActionProxy extends NodeProxy implements ActionNode {
  readonly type = 'action'

  async create(definition: string, { signal, timeoutMs, ...wanted }: CreateObjectOptions = {}): Promise<void> {
    checkParams(definition, wanted.params)
    await this.context.metadata.request(
      catalogue.createObject,
      { ...this.target, definition, ...wanted, ...originOf(this.context) },
      callOptions(signal, timeoutMs),
    )
  }

  async delete({ signal, timeoutMs, mode }: DeleteObjectOptions = {}): Promise<boolean> {
    this.context.links.forget(this.target.node)
    const head = { ...this.target, ...(mode && { mode }), ...originOf(this.context) }
    return (await this.context.metadata.request(catalogue.deleteObject, head, callOptions(signal, timeoutMs))).deleted
  }

  createReadStream(options?: ReadStreamOptions): Readable {
    return actionReadStream(this.context, this.#named, options)
  }

  createWriteStream(options?: ActionWriteStreamOptions): Writable {
    return actionWriteStream(this.context, this.#named, options)
  }

  async openReader(options: CallOptions = {}): Promise<ActionReader> {
    const followed = this.context.tracing?.begin('readAction', this.path)
    const { counters, metadata } = this.context
    const stream = await openActionRead(this.context, this.#named, options, followed)
    return new DirectReader(stream, counters, metadata.connections.context.clock, followed)
  }

  async openWriter(options: CallOptions & ActionWriteStreamOptions = {}): Promise<ActionWriter> {
    const followed = this.context.tracing?.begin('writeAction', this.path)
    const opening = openActionWrite(this.context, this.#named, { ...options, acknowledge: true }, followed)
    return new DirectWriter(await opening, this.context.counters, followed)
  }

  logs(options?: ActionLogsOptions): AsyncIterable<ActionLogLine> {
    return actionLogs(this.context, this.#named, options)
  }

  call(name: string, value?: unknown, options: CallOptions = {}): Promise<unknown> {
    return callAction(this.context, this.#named, name, value, options)
  }

  get #named(): ActionTarget {
    return { node: this.target.node, path: this.path }
  }
}

/** @throws GliderError INVALID_ARGUMENT where something of them would be lost on the way */
function checkParams(definition: string, params: unknown): void {
  try {
    toJson(params, Number.POSITIVE_INFINITY)
  } catch (cause) {
    const remedy = 'give plain objects, arrays, strings, finite numbers, booleans or null'
    const message = `the params for ${definition} cannot be sent: ${(cause as Error).message}: ${remedy}`
    throw new GliderError('INVALID_ARGUMENT', message, { cause })
  }
}

function callOptions(signal: AbortSignal | undefined, timeoutMs: number | undefined): CallOptions {
  return { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) }
}

export function nodeProxy(context: ClientContext, info: NodeInfo): NodeByType[keyof NodeByType] {
  switch (info.type) {
    case 'file':
      return new FileProxy(context, info)
    case 'directory':
      return new DirectoryProxy(context, info)
    case 'action':
      return new ActionProxy(context, info)
    case 'table':
      return new TableProxy(context, info)
    case 'keyvalue':
      return new KeyValueProxy(context, info)
    case 'bag':
      return new BagProxy(context, info)
    default:
      return unreachable(info.type)
  }
}
