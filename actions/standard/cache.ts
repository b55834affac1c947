import { request } from 'undici'
import { systemClock } from '../../protocol/clock.system.ts'
import { GliderError } from '../../protocol/errors.ts'
import { Action } from '../action.ts'
import type { ActionOutput } from '../output.ts'
import { LruBytes } from './lru-bytes.ts'
import { MiB, Params } from './params.ts'
import { readNode } from './store-lines.ts'

export interface CacheParams {
  /** What streams that read the action give: a path, or a URL. @default none */
  readonly source?: string
  /** Origins, as `https://example.org`, that may be fetched from; of the store everything may. @default none */
  readonly origins?: readonly string[]
  /** Bound of the bytes held; the least recently used go first. @default 64 MiB */
  readonly maxBytes?: number
  /** Bound of the sources held. @default 10000 */
  readonly maxEntries?: number
  /** A source of more bytes than this is refused. @default maxBytes */
  readonly maxSourceBytes?: number
  /** How long a copy counts, in milliseconds. @default until it is invalidated */
  readonly ttlMs?: number
}

export interface CacheStats {
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  readonly misses: number
  readonly evicted: number
}

interface Copy {
  readonly bytes: Buffer
  readonly takenAt: number
}

/**
 * Keeps copies of what is far or slow: nodes of the store (files, keyvalues, bags, what an action gives when it is read) and, where
 * `origins` allow it, resources of the web. Takes nothing; gives the bytes of `params.source`. The call `get` gives any source as text or
 * base64, at most what an answer holds (1 MiB of JSON). A source is read once for all who ask at the same time; a copy stays as it was
 * until it is invalidated, `ttlMs` old, or least recently used of more than fits. What cannot be read is not remembered.
 *
 * @example
 * await node.create('std/Cache', { params: { maxBytes: 16 * 2 ** 20, ttlMs: 60_000 }, interleaved: true })
 * await node.call('get', { source: '/config.json' })
 */
export class Cache extends Action<CacheParams> {
  static override readonly calls = ['get', 'invalidate', 'stats']
  #source: string | undefined
  #origins: ReadonlySet<string> = new Set()
  #maxSourceBytes = 0
  #ttlMs = 0
  #copies = new LruBytes<Copy>(0, 0)
  /** Being read, for all who wait for them. */
  readonly #reading = new Map<string, Promise<Buffer>>()
  #hits = 0
  #misses = 0

  override onCreate(): void {
    const params = new Params('Cache', this.params)
    this.#source = params.text('source')
    this.#origins = originsOf(params)
    const maxBytes = params.bytes('maxBytes', 64 * MiB)
    const maxEntries = params.integer('maxEntries', 10_000, 1)
    this.#maxSourceBytes = params.bytes('maxSourceBytes', maxBytes)
    this.#ttlMs = params.integer('ttlMs', Number.MAX_SAFE_INTEGER, 1)
    params.finish()
    if (this.#source !== undefined) this.#check(this.#source)
    this.#copies = new LruBytes(maxBytes, maxEntries)
  }

  override async onRead(output: ActionOutput): Promise<void> {
    if (this.#source === undefined) {
      throw new GliderError(
        'INVALID_ARGUMENT',
        `${this.path} has no params.source to be read: use the call get, or create it with one`,
      )
    }
    await output.write(await this.#bytesOf(this.#source))
  }

  async get(value: unknown): Promise<string> {
    const params = new Params('get', typeof value === 'string' ? { source: value } : value)
    const source = params.text('source')
    const encoding = params.choice('as', ['text', 'base64'])
    params.finish()
    if (source === undefined) throw params.wrong('source', 'the path or URL of what to get')
    this.#check(source)
    const bytes = await this.#bytesOf(source)
    return bytes.toString(encoding === 'text' ? 'utf8' : 'base64')
  }

  /** Forgets the copy of a source, or all; answers how many. One that is being read is read again for who asks later. */
  invalidate(value: unknown): number {
    const source = new Params('invalidate', typeof value === 'string' ? { source: value } : value).text('source')
    if (source === undefined) {
      this.#reading.clear()
      return this.#copies.clear()
    }
    this.#reading.delete(source)
    return this.#copies.delete(source) ? 1 : 0
  }

  stats(): CacheStats {
    const { entries, bytes, evicted } = this.#copies
    return { entries, bytes, hits: this.#hits, misses: this.#misses, evicted }
  }

  #bytesOf(source: string): Promise<Buffer> {
    const copy = this.#copies.get(source)
    if (copy && systemClock.now() - copy.takenAt < this.#ttlMs) {
      this.#hits++
      return Promise.resolve(copy.bytes)
    }
    const reading = this.#reading.get(source)
    if (reading) {
      this.#hits++
      return reading
    }
    this.#misses++
    const current = this.#read(source)
    this.#reading.set(source, current)
    return this.#keep(source, current, systemClock.now())
  }

  /** Unless it was invalidated meanwhile: then it may be what was there before. */
  async #keep(source: string, reading: Promise<Buffer>, takenAt: number): Promise<Buffer> {
    try {
      const bytes = await reading
      if (this.#reading.get(source) === reading) this.#copies.set(source, { bytes, takenAt }, bytes.length)
      return bytes
    } finally {
      if (this.#reading.get(source) === reading) this.#reading.delete(source)
    }
  }

  async #read(source: string): Promise<Buffer> {
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of source.startsWith('/')
      ? await readNode(this.store, source, this.signal)
      : await this.#fetch(source)) {
      length += chunk.length
      if (length > this.#maxSourceBytes) {
        throw new GliderError(
          'NO_SPACE',
          `${source} has more than ${this.#maxSourceBytes} bytes: raise params.maxSourceBytes, or read it directly`,
        )
      }
      chunks.push(chunk)
    }
    return Buffer.concat(chunks, length)
  }

  async #fetch(url: string): Promise<AsyncIterable<Buffer>> {
    const { statusCode, body } = await request(url, { signal: this.signal })
    if (statusCode === 200) return body
    await body.dump()
    throw new GliderError(statusCode === 404 ? 'NOT_FOUND' : 'UNAVAILABLE', `${url} answers with status ${statusCode}`)
  }

  #check(source: string): void {
    if (source.startsWith('/')) return
    if (URL.canParse(source) && this.#origins.has(new URL(source).origin)) return
    throw new GliderError('INVALID_ARGUMENT', `${source} is neither a path nor a URL of an origin that params.origins names`)
  }
}

function originsOf(params: Params): Set<string> {
  const given = params.value('origins') ?? []
  const wrong = params.wrong('origins', 'an array of origins, as ["https://example.org"]')
  if (!Array.isArray(given)) throw wrong
  return new Set(
    given.map((origin: unknown) => {
      if (typeof origin !== 'string' || !/^https?:\/\/[^/]+$/.test(origin) || !URL.canParse(origin)) throw wrong
      return new URL(origin).origin
    }),
  )
}
