import { GliderError } from '../../protocol/errors.ts'
import type { ActionInput } from '../input.ts'
import type { ActionOutput } from '../output.ts'
import { Aggregation } from './aggregation.ts'
import { badLine } from './key-value.ts'
import type { LineBatch } from './line-batch.ts'
import { LineBatches } from './line-batches.ts'
import { LineOrder } from './line-order.ts'
import { otherTurns } from './other-turns.ts'
import { MiB, Params } from './params.ts'
import { mergedLines, RunReader } from './run-reader.ts'
import { type Run, Runs } from './runs.ts'
import { SORT_COST_OF_LINE, SortedLines } from './sorted-lines.ts'
import { writeLent } from './write-lent.ts'

const OUTPUT_BYTES = 256 * 1024
/** So many runs are merged at a time, and each takes a buffer of 256 KiB then. */
const RUNS_AT_ONCE = 64

export interface SorterParams {
  /** Which part of a line is its key, counted from 1. @default all of the line */
  readonly field?: number
  /** Between the parts: one ASCII character. @default ',' */
  readonly separator?: string
  /** Orders keys as numbers; a line without one fails its stream. @default false: by their bytes */
  readonly numeric?: boolean
  /** The greatest first. @default false */
  readonly reverse?: boolean
  /** Memory for lines and for sorting them; what does not fit is spilled to files of the store. @default 128 MiB */
  readonly memoryBytes?: number
}

interface Snapshot {
  readonly batches: readonly LineBatch[]
  readonly runs: readonly Run[]
}

export interface SorterSize {
  readonly lines: number
  /** With one LF for each line. */
  readonly bytes: number
}

interface Stage {
  lines: LineBatches
  readonly runs: Run[]
}

/**
 * Sorts lines: by their bytes (of UTF-8), or by a field of them, then by all bytes. Takes lines, gives all of them in order; the call
 * `finish` writes them to a file of the store instead, so that they never travel to whoever asks. What is more than `memoryBytes` lies
 * in sorted runs, files in a directory `.NAME.runs` beside the action, which is deleted with the object, or within a minute after its
 * server has died. A stream counts as a whole or, if it fails, not at all.
 *
 * @example
 * await node.create('std/Sorter', { params: { field: 2, numeric: true }, interleaved: true })
 * await node.call('finish', { path: '/sorted.csv' }) // { lines, bytes }
 */
export class Sorter extends Aggregation<Stage, SorterParams> {
  static override readonly calls = ['finish', 'size']
  #order = new LineOrder({ separator: 44, numeric: false, reverse: false })
  #memoryBytes = 0
  readonly #spilled = new Runs(this.store, this.path)
  /** Of streams under way. */
  readonly #stages = new Set<Stage>()
  #batches: LineBatch[] = []
  /** Of the batches. */
  #appliedCost = 0
  #runs: Run[] = []
  /** What moves the lines of whole streams: one at a time. */
  #moving: Promise<void> = Promise.resolve()

  override onCreate(): void {
    const params = new Params('Sorter', this.params)
    const field = params.value('field') === undefined ? undefined : params.integer('field', 1, 1)
    const separator = params.separator('separator', ',')
    const numeric = params.boolean('numeric')
    const reverse = params.boolean('reverse')
    this.#memoryBytes = params.bytes('memoryBytes', 128 * MiB)
    params.finish()
    this.#order = new LineOrder({ field, separator, numeric, reverse })
  }

  override async onDelete(): Promise<void> {
    await this.#spilled.close()
  }

  override async onRead(output: ActionOutput): Promise<void> {
    const snapshot = await this.#snapshot(output.signal)
    for await (const lines of this.#sorted(snapshot, output.signal)) await output.write(lines)
  }

  /** Writes all lines so far, in order, to the file `path`, which is created or replaced. */
  async finish(value: unknown): Promise<SorterSize> {
    const path = pathOf(value)
    const file = await this.store.create(path, 'file', { ifExists: 'open', parents: true, signal: this.signal })
    const snapshot = await this.#snapshot(this.signal)
    const sorted = this.#sorted(snapshot, this.signal)
    await writeLent(file.createWriteStream({ signal: this.signal }), sorted)
    return sizeOf(snapshot.batches, snapshot.runs)
  }

  size(): SorterSize {
    return sizeOf(this.#batches, this.#runs)
  }

  protected override async gather(input: ActionInput): Promise<Stage> {
    const stage: Stage = { lines: new LineBatches(), runs: [] }
    this.#stages.add(stage)
    const order = this.#order
    let number = 0
    try {
      await input.forEachLineBytes(
        (chunk, start, end) => {
          number++
          if (!order.takes(chunk, start, end)) throw badLine('one with a number as its key', chunk, start, end, number)
          stage.lines.add(chunk, start, end)
        },
        () => (this.#isOver() ? this.#spill(stage, input.signal) : undefined),
      )
      stage.lines.trim()
      return stage
    } catch (error) {
      for (const run of stage.runs) await this.#spilled.delete(run)
      throw error
    } finally {
      this.#stages.delete(stage)
    }
  }

  protected override apply({ lines, runs }: Stage): void {
    this.#batches.push(...lines.all)
    this.#appliedCost += costOf(lines)
    this.#runs.push(...runs)
  }

  #isOver(): boolean {
    let cost = this.#appliedCost
    for (const { lines } of this.#stages) cost += costOf(lines)
    return cost > this.#memoryBytes
  }

  /** Makes room: by the lines of whole streams where they take the most, else by those of this one. */
  async #spill(stage: Stage, signal: AbortSignal): Promise<void> {
    if (2 * this.#appliedCost > this.#memoryBytes) {
      await this.#move(() => this.#spillApplied(signal))
      return
    }
    const { lines } = stage
    if (lines.lines === 0) return
    stage.runs.push(await this.#write(lines.all, signal))
    stage.lines = new LineBatches()
  }

  /** Readers see each line once throughout: the batches go at the moment when the run comes. */
  async #spillApplied(signal: AbortSignal): Promise<void> {
    // Somebody else may have done it meanwhile.
    if (2 * this.#appliedCost <= this.#memoryBytes) return
    const batches = new Set(this.#batches)
    const run = await this.#write([...batches], signal)
    this.#batches = this.#batches.filter(batch => !batches.has(batch))
    for (const batch of batches) this.#appliedCost -= costOf(batch)
    this.#runs.push(run)
  }

  #write(batches: readonly LineBatch[], signal: AbortSignal): Promise<Run> {
    return this.#spilled.write(this.#sorted({ batches, runs: [] }, signal), sizeOf(batches, []), signal)
  }

  /** The lines of whole streams as they are now. Its runs stay until `#sorted` has been through them. */
  async #snapshot(signal: AbortSignal): Promise<Snapshot> {
    if (this.#runs.length > RUNS_AT_ONCE) await this.#move(() => this.#mergeRuns(signal))
    this.#spilled.hold(this.#runs)
    return { batches: [...this.#batches], runs: [...this.#runs] }
  }

  async *#sorted({ batches, runs }: Snapshot, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    const readers: RunReader[] = []
    try {
      const inMemory = await SortedLines.of(batches, this.#order, signal)
      if (runs.length === 0) {
        yield* inMemory.buffers(OUTPUT_BYTES, signal)
        return
      }
      for (const run of runs) readers.push(await RunReader.open(run, this.#order, signal))
      for await (const lines of mergedLines([...readers, inMemory], this.#order, OUTPUT_BYTES)) {
        yield lines
        await otherTurns(signal)
      }
    } finally {
      for (const reader of readers) await reader.close()
      await this.#spilled.letGo(runs)
    }
  }

  /** Until there are few enough to be merged with what is in memory. */
  async #mergeRuns(signal: AbortSignal): Promise<void> {
    while (this.#runs.length > RUNS_AT_ONCE) {
      const runs = this.#runs.slice(0, RUNS_AT_ONCE)
      this.#spilled.hold(runs)
      const merged = await this.#spilled.write(this.#sorted({ batches: [], runs }, signal), sizeOf([], runs), signal)
      this.#runs = [...this.#runs.filter(run => !runs.includes(run)), merged]
      for (const run of runs) await this.#spilled.delete(run)
    }
  }

  #move(work: () => Promise<void>): Promise<void> {
    const moved = this.#moving.then(work)
    this.#moving = moved.catch(() => {})
    return moved
  }
}

function costOf({ length, lines }: Pick<LineBatch, 'length' | 'lines'>): number {
  return length + lines * SORT_COST_OF_LINE
}

function sizeOf(batches: readonly LineBatch[], runs: readonly Run[]): SorterSize {
  let lines = 0
  let bytes = 0
  for (const batch of batches) {
    lines += batch.lines
    bytes += batch.length + batch.lines
  }
  for (const run of runs) {
    lines += run.lines
    bytes += run.bytes
  }
  return { lines, bytes }
}

function pathOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'path' in value && typeof value.path === 'string') return value.path
  throw new GliderError('INVALID_ARGUMENT', 'finish takes { path }: the file that the sorted lines go to')
}
