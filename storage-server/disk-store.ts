import { GliderError } from '../protocol/errors.ts'
import type { BlockStore } from './block-store.ts'
import { BufferPool } from './buffer-pool.ts'
import type { DataFile } from './data-directory.ts'
import { Lane } from './lane.ts'
import type { Place } from './place-pool.ts'

/** More at the same time would only wait within the process: these are already more than its threads for files. */
const IN_FLIGHT = 16
/** Bytes of operations under way beyond which whoever asks for more is made to wait. */
const BUSY_BYTES = 64 << 20

/** The part of a file that holds one block. */
export class DiskPlace implements Place {
  readonly file: DataFile
  readonly position: number
  pins = 0
  retired = false

  constructor(file: DataFile, position: number) {
    this.file = file
    this.position = position
  }
}

/**
 * Keeps blocks in files, spread over all of them. Always holds: memory lent to an operation goes back to the pool once, when
 * the operation is over.
 */
export class DiskStore implements BlockStore<DiskPlace> {
  readonly #files: readonly DataFile[]
  readonly #blockBytes: number
  readonly #buffers = new BufferPool()
  readonly #lane = new Lane(IN_FLIGHT)
  #places = 0
  #bytesUnderWay = 0

  constructor(files: readonly DataFile[], blockBytes: number) {
    this.#files = files
    this.#blockBytes = blockBytes
  }

  get busy(): boolean {
    return this.#bytesUnderWay > BUSY_BYTES
  }

  idle(): Promise<void> {
    return this.#lane.idle()
  }

  /** Where places that were given back are still in use there may be more places than blocks: their files then grow. */
  makePlace(): DiskPlace {
    const number = this.#places++
    const file = this.#files[number % this.#files.length]!
    return new DiskPlace(file, Math.floor(number / this.#files.length) * this.#blockBytes)
  }

  land(_place: DiskPlace, _offset: number, length: number): Buffer {
    return this.#lend(length)
  }

  async keep(place: DiskPlace, offset: number, landed: Buffer): Promise<void> {
    try {
      await this.#lane.run(() => writeAll(place, offset, landed))
    } finally {
      this.#takeBack(landed)
    }
  }

  drop(landed: Buffer): void {
    this.#takeBack(landed)
  }

  async fetch(place: DiskPlace, offset: number, length: number): Promise<Buffer> {
    const bytes = this.#lend(length)
    try {
      await this.#lane.run(() => readAll(place, offset, bytes))
      return bytes
    } catch (error) {
      this.#takeBack(bytes)
      throw error
    }
  }

  sent(fetched: Buffer): void {
    this.#takeBack(fetched)
  }

  #lend(length: number): Buffer {
    this.#bytesUnderWay += length
    return this.#buffers.take(length)
  }

  #takeBack(buffer: Buffer): void {
    this.#bytesUnderWay -= buffer.length
    this.#buffers.give(buffer)
  }
}

async function writeAll({ file, position }: DiskPlace, offset: number, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += (await file.handle.write(bytes, done, bytes.length - done, position + offset + done)).bytesWritten
    } catch (error) {
      throw ioError('written', file, error)
    }
  }
}

async function readAll({ file, position }: DiskPlace, offset: number, into: Buffer): Promise<void> {
  for (let done = 0; done < into.length; ) {
    let read: number
    try {
      read = (await file.handle.read(into, done, into.length - done, position + offset + done)).bytesRead
    } catch (error) {
      throw ioError('read', file, error)
    }
    if (read === 0) throw new GliderError('INTERNAL', `${file.path} is shorter than what was written into it: who has cut it?`)
    done += read
  }
}

function ioError(what: string, file: DataFile, cause: unknown): GliderError {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new GliderError('NO_SPACE', `${file.path} cannot grow: its disk is full (${message})`, { cause })
  }
  return new GliderError('INTERNAL', `${file.path} cannot be ${what}: look after its disk (${message})`, { cause })
}
