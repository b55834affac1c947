/** What one sequence of commands works on: the model, the system, and the proxies and streams that commands leave for later ones. */
import type { Readable, Writable } from 'node:stream'
import { type ErrorCode, GliderError, type NodeByType, type NodeType, type StoreClient, type Usage } from 'glider'
import { expect } from 'vitest'
import { bytesOf } from '../support/streams.ts'
import { areBytesOf, type ModelWriter } from './model-streams.test.helper.ts'
import { type ModelNode, NamespaceModel, Refusal, sizeOf } from './namespace-model.test.helper.ts'

/** A proxy from an earlier command. */
export interface Held {
  readonly proxy: NodeByType[NodeType]
  /** The node of the model that it has to hold. */
  readonly id: number
  /** As the proxy was last told. */
  path: string
}

export interface Writing {
  readonly stream: Writable
  readonly model: ModelWriter
  readonly type: NodeType
}

export interface Reading {
  readonly stream: Readable
  readonly id: number
  /** As it was when the stream opened, but only with the bytes that were asked for. */
  readonly node: ModelNode
  /** As it was when the stream opened. */
  readonly whole: ModelNode
}

export type Outcome<T> =
  | { readonly value: T; readonly code?: undefined }
  | { readonly code: ErrorCode; readonly value?: undefined }

/** What the model says. */
export function said<T>(run: () => T): Outcome<T> {
  try {
    return { value: run() }
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code }
    throw error
  }
}

/** What the system does. */
export async function done<T>(run: Promise<T> | (() => Promise<T>)): Promise<Outcome<T>> {
  try {
    return { value: await (typeof run === 'function' ? run() : run) }
  } catch (error) {
    if (error instanceof GliderError) return { code: error.code }
    throw error
  }
}

/** Aborts a stream, and waits until its claim has ended. It may have failed before, or fail meanwhile. */
export async function destroyed(stream: Writable): Promise<void> {
  if (stream.closed) return
  const closed = new Promise(resolve => stream.once('close', resolve))
  stream.destroy()
  await closed
}

export async function textOf(bytes: Promise<Uint8Array>): Promise<string> {
  const { buffer, byteOffset, length } = await bytes
  return Buffer.from(buffer, byteOffset, length).toString('latin1')
}

const filler = Array.from({ length: 8192 }, (_, i) => `${i}`.padEnd(8, '.')).join('')

/** Bytes that no other piece of the sequence begins with, and that show where they are from; at least `size` of them, or none. */
export function pieceOf(number: number, size: number): string {
  if (size === 0) return ''
  const head = `<${number}>`
  // The filler begins elsewhere in each piece.
  const from = (number * 8) % 1024
  return head + filler.slice(from, from + size - head.length)
}

export class Sequence {
  readonly store: StoreClient
  /** Everything happens below it. */
  readonly base: string
  readonly model = new NamespaceModel()
  readonly held: Held[] = []
  readonly writing: Writing[] = []
  readonly reading: Reading[] = []
  #pieces = 0

  /** What an earlier sequence has left is not the fault of this one. */
  readonly #before: Usage

  private constructor(store: StoreClient, base: string, before: Usage) {
    this.store = store
    this.base = base
    this.#before = before
  }

  static async begin(store: StoreClient, base: string): Promise<Sequence> {
    const sequence = new Sequence(store, base, await store.usage())
    // Something to begin with.
    for (const [path, type] of [
      [base, 'directory'],
      [`${base}/a`, 'directory'],
      [`${base}/b`, 'table'],
    ] as const) {
      sequence.held.push({ proxy: await store.create(path, type), id: sequence.model.create(path, type), path })
    }
    for (const path of [`${base}/a/a`, `${base}/b/a`]) {
      const bytes = sequence.piece(100)
      sequence.model.put(path, bytes)
      await store.put(path, bytes)
      sequence.held.push({ proxy: await store.lookup(path), id: sequence.model.lookup(path), path })
    }
    return sequence
  }

  piece(size: number): string {
    return pieceOf(this.#pieces++, size)
  }

  /** Of all that is there, with the base first. */
  get paths(): string[] {
    const below = (node: ModelNode, path: string): string[] => [
      path,
      ...[...node.children].flatMap(([name, child]) => below(child, `${path}/${name}`)),
    ]
    return [this.base, ...[...this.model.root.children].flatMap(([name, child]) => below(child, `/${name}`)).slice(1)]
  }

  get usage(): { nodes: number; storedBytes: number } {
    const sum = (node: ModelNode): { nodes: number; storedBytes: number } =>
      [...node.children.values()]
        .map(sum)
        .reduce((a, b) => ({ nodes: a.nodes + b.nodes, storedBytes: a.storedBytes + b.storedBytes }), {
          nodes: 1,
          storedBytes: sizeOf(node),
        })
    const { nodes, storedBytes } = sum(this.model.root)
    return { nodes: this.#before.nodes + nodes - 1, storedBytes: this.#before.storedBytes + storedBytes }
  }

  /** Compares all that there is. */
  async compare(node: ModelNode = this.model.root, path = '/'): Promise<void> {
    if (node.type === 'directory' || node.type === 'table') {
      const entries = []
      for await (const entry of this.store.list(path)) entries.push(entry)
      expect(entries.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(this.model.list(path))
      for (const [name, child] of node.children) await this.compare(child, path === '/' ? `/${name}` : `${path}/${name}`)
    } else if (node.type === 'bag') {
      const got = await textOf(bytesOf((await this.store.lookup(path, 'bag')).createReadStream()))
      expect({ path, got, fits: areBytesOf(node, got) }).toEqual({ path, got, fits: true })
    } else if (node.type !== 'action') {
      expect({ path, got: await textOf(this.store.get(path)) }).toEqual({ path, got: node.bytes })
    }
  }

  /** Ends what is open, and deletes everything. */
  async end(): Promise<void> {
    for (const { stream } of this.reading) stream.destroy()
    for (const { stream } of this.writing) await destroyed(stream)
    for await (const { path } of this.store.list('/')) await this.store.delete(path, { recursive: true })
  }

  /** Once it has ended. */
  async expectNothingLeft(): Promise<void> {
    expect(await this.store.usage()).toEqual({ ...this.#before, consumed: expect.anything() })
  }
}
