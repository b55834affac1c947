import { Action } from '../action.ts'
import type { ActionInput } from '../input.ts'

/**
 * What takes streams as a whole: each gathers in a stage of its own, which is applied at once when the stream has come to its
 * end. Always holds: a stream that fails leaves nothing, and readers and calls see whole streams only.
 */
export abstract class Aggregation<Stage, Params = unknown> extends Action<Params> {
  /** Gathers one stream, and changes nothing that others see. */
  protected abstract gather(input: ActionInput): Promise<Stage>
  /** Takes a whole stream. Does not await, and if it throws it has changed nothing. */
  protected abstract apply(stage: Stage): void

  override async onWrite(input: ActionInput): Promise<void> {
    this.apply(await this.gather(input))
  }
}
