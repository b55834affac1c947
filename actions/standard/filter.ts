import { Action } from '../action.ts'
import { ByteLines, type LineSplitter } from '../lines.ts'
import type { ActionOutput } from '../output.ts'
import { lineFilterOf } from './line-tests.ts'
import { LineWriter } from './line-writer.ts'
import { Params } from './params.ts'
import { forEachLineOf, readablePaths } from './store-lines.ts'

export interface FilterParams {
  /** Path, or paths, of what is filtered: files, keyvalues and bags; of a directory or table all that is below it, in order of names. */
  readonly file: string | readonly string[]
  /** Lines that contain it pass; or… */
  readonly substring?: string
  /** …those that this regular expression matches (flag `u` is always on)… */
  readonly pattern?: string
  /** …with some of the flags `i`, `m` and `s`; or… */
  readonly flags?: string
  /** …those that are JSON with this field: names joined by dots, or an array of names… */
  readonly field?: string | readonly string[]
  /** …whose value is this JSON. @default any value */
  readonly equals?: unknown
  /** Lines that do not match pass. @default false */
  readonly invert?: boolean
}

/**
 * Gives the lines of files that match, read through the action: only what matches travels to the reader. Takes nothing; reads the
 * files anew, as they are then, each time it is read itself, in bounded memory. A pattern that goes back and forth without end on some
 * line loses the action its thread, as all code does that does not return (`--turn-timeout`).
 *
 * @example
 * await node.create('std/Filter', { params: { file: '/logs', field: 'level', equals: 'error' } })
 */
export class Filter extends Action<FilterParams> {
  #paths: readonly string[] = []
  #makeFilter: () => LineSplitter = () => new ByteLines()

  override onCreate(): void {
    const params = new Params('Filter', this.params)
    const file = params.value('file')
    const paths: unknown[] = Array.isArray(file) ? file : [file]
    if (paths.length === 0 || !paths.every(path => typeof path === 'string'))
      throw params.wrong('file', 'a path or an array of paths')
    this.#paths = paths
    this.#makeFilter = lineFilterOf(params)
    params.finish()
  }

  override async onRead(output: ActionOutput): Promise<void> {
    const passing = new LineWriter(output)
    for (const given of this.#paths) {
      for (const path of await readablePaths(this.store, given, output.signal)) {
        await forEachLineOf(
          this.store,
          path,
          output.signal,
          (chunk, start, end) => passing.add(chunk, start, end),
          () => (passing.isFull ? passing.flush() : undefined),
          this.#makeFilter(),
        )
      }
    }
    await passing.flush()
  }
}
