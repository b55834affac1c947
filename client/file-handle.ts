import type { CallOptions, FileHandle } from '../actions/store.ts'
import { GliderError } from '../protocol/errors.ts'
import { Ranges } from '../protocol/ranges.ts'
import type { ClientContext, Target } from './context.ts'
import { FileSink } from './file-sink.ts'
import { FileSource } from './file-source.ts'

const ZEROS = Buffer.alloc(256 << 10)

export async function openFile(
  context: ClientContext,
  target: Target,
  write: boolean,
  options: CallOptions,
): Promise<FileHandle> {
  const handle = write
    ? new WriteHandle(context, target, await FileSink.open(context, { ...target, mode: 'update' }, options, 0))
    : new ReadHandle(await FileSource.open(context, target, 0, options))
  context.counters.transfers++
  return handle
}

class ReadHandle implements FileHandle {
  readonly #source: FileSource
  #closed = false

  constructor(source: FileSource) {
    this.#source = source
  }

  get size(): number {
    return this.#source.size
  }

  async read(position: number, buffer: Uint8Array, options: CallOptions = {}): Promise<number> {
    checkPosition(position)
    checkOpen(this.#closed, this.#source.path)
    const length = Math.max(0, Math.min(buffer.length, this.#source.size - position))
    if (length > 0) await this.#source.read(position, length === buffer.length ? buffer : buffer.subarray(0, length), options)
    return length
  }

  write(): Promise<void> {
    return Promise.reject(readOnly(this.#source.path))
  }

  sync(): Promise<void> {
    return Promise.reject(readOnly(this.#source.path))
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Reads see what was committed; `sync` makes what this handle wrote part of that. */
class WriteHandle implements FileHandle {
  readonly #context: ClientContext
  readonly #target: Target
  readonly #sink: FileSink
  /** What has been written beyond the committed length, so that gaps can be filled with zeros. */
  readonly #written = new Ranges()
  #committed: number
  #size: number
  #source: Promise<FileSource> | undefined
  #closed = false

  constructor(context: ClientContext, target: Target, sink: FileSink) {
    this.#context = context
    this.#target = target
    this.#sink = sink
    this.#committed = sink.startSize
    this.#size = sink.startSize
  }

  get size(): number {
    return this.#size
  }

  async read(position: number, buffer: Uint8Array, options: CallOptions = {}): Promise<number> {
    checkPosition(position)
    checkOpen(this.#closed, this.#sink.path)
    this.#source ??= FileSource.open(this.#context, this.#target, 0, options)
    const source = await this.#source
    const length = Math.max(0, Math.min(buffer.length, source.size - position))
    if (length > 0) await source.read(position, buffer.subarray(0, length), options)
    return length
  }

  async write(position: number, buffer: Uint8Array, options: CallOptions = {}): Promise<void> {
    checkPosition(position)
    checkOpen(this.#closed, this.#sink.path)
    const end = position + buffer.length
    await this.#sink.write(position, buffer, options)
    if (end > this.#committed) this.#written.add(Math.max(position, this.#committed), end)
    if (buffer.length > 0 && end > this.#size) this.#size = end
  }

  async sync(options: CallOptions = {}): Promise<void> {
    checkOpen(this.#closed, this.#sink.path)
    await this.#fillGaps(options)
    await this.#sink.sync(this.#size, options)
    this.#publish()
  }

  async close(options: CallOptions = {}): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      await this.#fillGaps(options)
    } catch (error) {
      await this.#sink.abort()
      throw error
    }
    await this.#sink.close(this.#size, options)
  }

  #publish(): void {
    this.#committed = this.#size
    this.#written.clear()
    this.#source = undefined
  }

  async #fillGaps(options: CallOptions): Promise<void> {
    const gaps: [number, number][] = []
    this.#written.gaps(this.#committed, this.#size, (start, end) => gaps.push([start, end]))
    for (const [start, end] of gaps) {
      for (let at = start; at < end; at += ZEROS.length) {
        await this.#sink.write(at, ZEROS.subarray(0, Math.min(ZEROS.length, end - at)), options)
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function checkPosition(position: number): void {
  if (Number.isSafeInteger(position) && position >= 0) return
  throw new GliderError('INVALID_ARGUMENT', `the position is ${position}: it has to be a whole number from 0`)
}

function checkOpen(closed: boolean, path: string): void {
  if (closed) throw new GliderError('INVALID_ARGUMENT', `this handle of ${path} has been closed: open the file again`)
}

function readOnly(path: string): GliderError {
  return new GliderError('INVALID_ARGUMENT', `this handle of ${path} is for reading: open the file with { write: true }`)
}
