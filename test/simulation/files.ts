/** One client's own files, or keyvalues: whatever happens, each holds what was written there last, whole, or says that it is lost. */

import type { Readable, Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { StoreClient } from '../../actions/store.ts'
import { ended } from '../support/streams.ts'
import { Actor, isUnknown, type Outcome } from './actor.ts'
import type { Client, World } from './world.ts'

/** What may be at a name: undefined stands for nothing. */
type Possible = Set<string | undefined>

const NOTHING: Possible = new Set([undefined])

export class Files extends Actor {
  readonly #base: string
  readonly #kind: 'directory' | 'table'
  readonly #possible = new Map<string, Possible>()
  /** A write of which nobody knows whether it goes on. */
  readonly #writing = new Set<string>()
  readonly #steps: number
  /** What the change that is under way makes possible: its client may die in the middle of it. */
  #underWay: (() => void) | undefined

  constructor(name: string, world: World, client: Client, kind: 'directory' | 'table', steps: number) {
    super(name, world, client)
    this.#base = `/${name}`
    this.#kind = kind
    this.#steps = steps
  }

  protected override async act(): Promise<void> {
    for (;;) {
      const made = await this.attempt(`create ${this.#base}`, options =>
        this.store.create(this.#base, this.#kind, { ifExists: 'open', ...options }),
      )
      if (!made.code) break
      if (!isUnknown(made)) this.unexpected(`create ${this.#base}`, made)
      await this.think(500)
    }
    for (let left = this.#steps; left > 0; left--) {
      await this.think(600)
      await this.#step()
    }
  }

  override async verify(store: StoreClient): Promise<void> {
    this.#underWay?.()
    for (const [path, possible] of this.#possible) {
      const got = await this.attempt(`verify ${path}`, () => store.get(path))
      this.#judgeRead(`verify ${path}`, possible, got.code ? got : { code: undefined, value: got.value.toString('latin1') }, true)
      // Nobody writes any more, so nobody has a claim.
      if (this.#kind === 'directory') {
        const what = `write ${path} once more`
        const put = await this.attempt(what, () => store.put(path, 'x'))
        if (put.code && put.code !== 'NO_SPACE') this.unexpected(what, put)
      }
    }
  }

  async #step(): Promise<void> {
    const names = this.#kind === 'table' ? ['a', 'b'] : ['a', 'b', 'c']
    const path = `${this.#base}/${this.odds.of(names)}`
    const step = this.odds.weighed<(path: string) => Promise<void>>([
      [5, at => this.#put(at)],
      [4, at => this.#get(at)],
      [2, at => this.#delete(at)],
      ...(this.#kind === 'directory'
        ? ([
            [4, (at: string) => this.#stream(at)],
            [4, (at: string) => this.#append(at)],
            [3, (at: string) => this.#rename(at)],
            [3, (at: string) => this.#readSlowly(at)],
            [2, (at: string) => this.#handle(at)],
          ] as const)
        : []),
    ])
    await step(path)
  }

  #at(path: string): Possible {
    return this.#possible.get(path) ?? NOTHING
  }

  /** What is there for certain; undefined where that is not known. */
  #certain(path: string): { readonly value: string | undefined } | undefined {
    const possible = this.#at(path)
    return possible.size === 1 ? { value: [...possible][0] } : undefined
  }

  #size(): number {
    const { blockBytes, inlineBytes } = this.world.shape
    return this.odds.of([0, 10, inlineBytes, inlineBytes + 1, blockBytes, blockBytes + 1, 3 * blockBytes, 5 * blockBytes + 7])
  }

  /** Carries out a change that would make one value of the other. */
  async #change<T>(
    what: string,
    path: string,
    after: (before: string | undefined) => string | undefined,
    run: (options: { timeoutMs?: number }) => Promise<T>,
  ): Promise<Outcome<T>> {
    this.#underWay = () => this.#possible.set(path, new Set([...this.#at(path), ...[...this.#at(path)].map(after)]))
    const outcome = await this.attempt(what, run)
    this.#underWay = undefined
    return outcome
  }

  /** Judges the outcome of one. */
  #changed(
    what: string,
    path: string,
    outcome: Outcome<unknown>,
    after: (before: string | undefined) => string | undefined,
  ): void {
    const before = this.#at(path)
    const changed = [...before].map(after)
    if (!outcome.code) {
      // What is still under way somewhere may come after it.
      this.#possible.set(path, new Set(before.size === 1 ? changed : [...before, ...changed]))
      return
    }
    if (isUnknown(outcome)) {
      this.#possible.set(path, new Set([...before, ...changed]))
      this.#writing.add(path)
    } else if (!this.#mayRefuse(path, outcome)) this.unexpected(what, outcome)
  }

  #mayRefuse(path: string, { code }: Outcome<unknown>): boolean {
    if (code === 'NO_SPACE') return true
    if (code === 'DATA_LOST') return this.world.mayLoseData
    // A claim ends with the connection of its writer.
    if (code === 'NOT_FOUND') return this.world.longestSilenceMs() > 0 && this.#certain(path)?.value !== undefined
    return code === 'BUSY' && this.#writing.has(path)
  }

  async #put(path: string): Promise<void> {
    const value = this.piece(this.#size())
    const outcome = await this.#change(
      `put ${path} ${value.length}`,
      path,
      () => value,
      options => this.store.put(path, value, options),
    )
    this.#changed(`put ${path}`, path, outcome, () => value)
  }

  async #get(path: string): Promise<void> {
    const got = await this.attempt(`get ${path}`, options => this.store.get(path, options))
    this.#judgeRead(`get ${path}`, this.#at(path), got.code ? got : { code: undefined, value: got.value.toString('latin1') })
  }

  #judgeRead(what: string, possible: Possible, outcome: Outcome<string>, certainly = false): void {
    if (!outcome.code)
      this.expect(
        possible.has(outcome.value),
        () => `${what} gave ${short(outcome.value)} and not ${[...possible].map(short).join(' or ')}`,
      )
    else if (outcome.code === 'NOT_FOUND') this.expect(possible.has(undefined), () => `${what}: it is gone (${outcome.message})`)
    else if (outcome.code === 'DATA_LOST') this.expect(this.world.mayLoseData, () => `${what}: nothing can be lost, and is`)
    else if (outcome.code === 'BLOCK_GONE')
      this.expect(possible.size > 1, () => `${what}: nobody replaced it (${outcome.message})`)
    else if (certainly || !isUnknown(outcome)) this.unexpected(what, outcome)
  }

  async #delete(path: string): Promise<void> {
    const certain = this.#certain(path)
    const outcome = await this.#change(
      `delete ${path}`,
      path,
      () => undefined,
      options => this.store.delete(path, options),
    )
    if (!outcome.code && certain)
      this.expect(outcome.value === (certain.value !== undefined), () => `delete ${path} answered ${outcome.value}`)
    this.#changed(`delete ${path}`, path, outcome, () => undefined)
  }

  async #rename(from: string): Promise<void> {
    const to = `${this.#base}/${this.odds.of(['a', 'b', 'c'])}`
    const [source, target] = [this.#certain(from), this.#certain(to)]
    if (!source || !target || from === to) return
    const what = `rename ${from} ${to}`
    this.#underWay = () => {
      if (source.value === undefined || target.value !== undefined) return
      this.#possible.set(from, new Set([source.value, undefined]))
      this.#possible.set(to, new Set([undefined, source.value]))
    }
    const outcome = await this.attempt(what, options => this.store.rename(from, to, options))
    this.#underWay = undefined
    if (source.value === undefined) {
      if (outcome.code !== 'NOT_FOUND' && !isUnknown(outcome)) this.unexpected(what, outcome)
    } else if (target.value !== undefined) {
      if (outcome.code !== 'ALREADY_EXISTS' && !isUnknown(outcome)) this.unexpected(what, outcome)
    } else {
      this.#changed(what, from, outcome, () => undefined)
      this.#changed(what, to, outcome, () => source.value)
    }
  }

  async #stream(path: string): Promise<void> {
    if (this.#certain(path)?.value === undefined) return this.#put(path)
    const pieces = Array.from({ length: 1 + this.odds.below(3) }, () => this.piece(this.#size()))
    const commits = !this.odds.oneIn(5)
    const what = `stream ${path} ${pieces.map(({ length }) => length).join()}${commits ? '' : ' and abort'}`
    const after = (before: string | undefined): string | undefined => (commits ? pieces.join('') : before)
    const outcome = await this.#change(what, path, after, async () => {
      const file = await this.store.lookup(path, 'file')
      return write(file.createWriteStream(), pieces, commits, () => this.think(100))
    })
    this.#changed(what, path, outcome, after)
  }

  async #append(path: string): Promise<void> {
    if (this.#certain(path)?.value === undefined) return this.#put(path)
    const pieces = Array.from({ length: 1 + this.odds.below(2) }, () => this.piece(this.#size()))
    const what = `append ${path} ${pieces.map(({ length }) => length).join()}`
    const after = (before = ''): string => before + pieces.join('')
    const outcome = await this.#change(what, path, after, async () => {
      const file = await this.store.lookup(path, 'file')
      return write(file.createWriteStream({ append: true }), pieces, true, () => this.think(100))
    })
    this.#changed(what, path, outcome, after)
  }

  /** Reads while time passes: nobody else writes, so it gets all of it. */
  async #readSlowly(path: string): Promise<void> {
    const what = `read ${path}`
    const outcome = await this.attempt(what, async () => {
      const file = await this.store.lookup(path, 'file')
      const stream: Readable = file.createReadStream()
      // It may fail before anybody reads.
      stream.on('error', () => {})
      await this.think(300)
      return (await buffer(stream)).toString('latin1')
    })
    this.#judgeRead(what, this.#at(path), outcome)
  }

  /** Writes over the beginning, in place. */
  async #handle(path: string): Promise<void> {
    const certain = this.#certain(path)
    if (certain?.value === undefined) return this.#put(path)
    const value = this.piece(12)
    const what = `write in place ${path}`
    const over = (before = ''): string => value + before.slice(value.length)
    const outcome = await this.#change(what, path, over, async options => {
      const file = await this.store.lookup(path, 'file', options)
      const handle = await file.open({ write: true, ...options })
      try {
        await handle.write(0, Buffer.from(value, 'latin1'), options)
      } finally {
        await handle.close(options)
      }
    })
    // What was written in place is there, whether it was committed or not; and a server that died may have had it.
    if (outcome.code && outcome.code !== 'NO_SPACE' && this.#mayRefuse(path, outcome))
      this.#possible.set(path, new Set([certain.value, over(certain.value)]))
    else this.#changed(what, path, outcome, over)
  }
}

/** @throws GliderError */
async function write(stream: Writable, pieces: readonly string[], commits: boolean, between: () => Promise<void>): Promise<void> {
  const failed = new Promise<never>((_resolve, reject) => stream.on('error', reject))
  failed.catch(() => undefined)
  const closed = new Promise<void>(resolve => stream.once('close', resolve))
  try {
    for (const piece of pieces) {
      stream.write(Buffer.from(piece, 'latin1'))
      await Promise.race([between(), failed])
    }
    if (commits) {
      await ended(stream).catch((error: unknown) => {
        // Where it has failed before, that is why.
        throw stream.errored ?? error
      })
      return
    }
  } finally {
    if (!stream.writableFinished) stream.destroy()
    await closed
  }
}

function short(value: string | undefined): string {
  return value === undefined ? 'nothing' : `${JSON.stringify(value.slice(0, 30))} (${value.length})`
}
