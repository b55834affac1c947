import { types } from 'node:util'
import type { CallOptions, FileHandle } from '../actions/store.ts'
import { ChurnMap } from '../protocol/churn-map.ts'
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
    ? new WriteHandle(await FileSink.open(context, { ...target, mode: 'update' }, options, 0))
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
    checkBuffer(buffer)
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

/**
 * Writes in place, and reads what was committed or written here. Always holds: beyond the committed length, zeros are filled
 * into gaps only while no write is under way there.
 */
class WriteHandle implements FileHandle {
  readonly #sink: FileSink
  /** What can be read beyond the length that was committed at the opening. */
  readonly #written = new Ranges()
  readonly #underWay = new ChurnMap<Promise<void>>()
  #writes = 0
  #committed: number
  #size: number
  /** Resolves when gaps have been filled: later writes beyond the committed length wait for it. */
  #filling: Promise<void> = Promise.resolve()
  #isFilling = false
  #closing: Promise<void> | undefined

  constructor(sink: FileSink) {
    this.#sink = sink
    this.#committed = sink.startSize
    this.#size = sink.startSize
  }

  get size(): number {
    return this.#size
  }

  async read(position: number, buffer: Uint8Array, options: CallOptions = {}): Promise<number> {
    checkPosition(position)
    checkBuffer(buffer)
    checkOpen(this.#closing !== undefined, this.#sink.path)
    const length = Math.max(0, Math.min(buffer.length, this.#size - position))
    const end = position + length
    const pieces: [number, number][] = []
    let at = position
    this.#written.gaps(Math.max(position, this.#committed), end, (gapStart, gapEnd) => {
      if (gapStart > at) pieces.push([at, gapStart])
      buffer.fill(0, gapStart - position, gapEnd - position)
      at = gapEnd
    })
    if (end > at) pieces.push([at, end])
    await Promise.all(pieces.map(([from, to]) => this.#sink.read(from, buffer.subarray(from - position, to - position), options)))
    return length
  }

  async write(position: number, buffer: Uint8Array, options: CallOptions = {}): Promise<void> {
    checkPosition(position)
    checkBuffer(buffer)
    checkOpen(this.#closing !== undefined, this.#sink.path)
    const end = position + buffer.length
    const waits = end > this.#committed && this.#isFilling
    const write = waits
      ? this.#filling.then(ignore, ignore).then(() => this.#sink.write(position, buffer, options))
      : this.#sink.write(position, buffer, options)
    const number = this.#writes++
    this.#underWay.set(number, write)
    try {
      // Nothing may listen to it before: what is noted below has to be there when others hear that the write is over.
      await write
      if (end > this.#committed) this.#written.add(Math.max(position, this.#committed), end)
      if (buffer.length > 0 && end > this.#size) this.#size = end
    } finally {
      this.#underWay.delete(number)
    }
  }

  async sync(options: CallOptions = {}): Promise<void> {
    checkOpen(this.#closing !== undefined, this.#sink.path)
    const size = await this.#fill(options)
    await this.#sink.sync(size, options)
    this.#committed = Math.max(this.#committed, size)
  }

  close(options: CallOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  async #close(options: CallOptions): Promise<void> {
    let size: number
    try {
      size = await this.#fill(options)
    } catch (error) {
      await this.#sink.abort()
      throw error
    }
    await this.#sink.close(size, options)
  }

  /** Waits for every write that has begun, then fills the gaps; answers the length that can be published. */
  async #fill(options: CallOptions): Promise<number> {
    const before = [this.#filling, ...this.#underWay.values()]
    const filled = Promise.allSettled(before).then(() => this.#fillGaps(options))
    const filling = filled.then(() => undefined)
    this.#filling = filling
    this.#isFilling = true
    try {
      return await filled
    } finally {
      if (this.#filling === filling) this.#isFilling = false
    }
  }

  async #fillGaps(options: CallOptions): Promise<number> {
    const size = this.#size
    const gaps: [number, number][] = []
    this.#written.gaps(this.#committed, size, (start, end) => gaps.push([start, end]))
    for (const [start, end] of gaps) {
      for (let at = start; at < end; at += ZEROS.length) {
        await this.#sink.write(at, ZEROS.subarray(0, Math.min(ZEROS.length, end - at)), options)
      }
    }
    this.#written.add(0, size)
    return size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever has closed it has been told already how that went.
    if (this.#closing) await this.#closing.catch(() => undefined)
    else await this.close()
  }
}

function ignore(): void {}

function checkPosition(position: number): void {
  if (Number.isSafeInteger(position) && position >= 0) return
  throw new GliderError('INVALID_ARGUMENT', `the position is ${position}: it has to be a whole number from 0`)
}

/** A length in other units would be taken for bytes. */
function checkBuffer(buffer: Uint8Array): void {
  if (types.isUint8Array(buffer)) return
  throw new GliderError('INVALID_ARGUMENT', 'the buffer is no Uint8Array: make it one')
}

function checkOpen(closed: boolean, path: string): void {
  if (closed) throw new GliderError('INVALID_ARGUMENT', `this handle of ${path} has been closed: open the file again`)
}

function readOnly(path: string): GliderError {
  return new GliderError('INVALID_ARGUMENT', `this handle of ${path} is for reading: open the file with { write: true }`)
}
