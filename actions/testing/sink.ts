import type { ChunkSink } from '../source.ts'

/** A sink whose credit is one chunk: a write resolves when the reader takes its chunk. */
export class PulledSink implements ChunkSink {
  readonly #written: { bytes: Buffer; taken: () => void }[] = []
  #outcome: { error?: unknown } | undefined
  #wake: (() => void) | undefined

  write(bytes: Uint8Array): Promise<void> {
    return new Promise(taken => {
      this.#written.push({ bytes: Buffer.from(bytes), taken })
      this.#wake?.()
    })
  }

  end(): void {
    this.#outcome ??= {}
    this.#wake?.()
  }

  /** What was written before still reaches the reader. */
  fail(error: unknown): void {
    this.#outcome ??= { error }
    this.#wake?.()
  }

  /** The next chunk, undefined at the end. */
  async take(): Promise<Buffer | undefined> {
    for (;;) {
      const next = this.#written.shift()
      if (next) {
        next.taken()
        return next.bytes
      }
      if (this.#outcome) {
        if ('error' in this.#outcome) throw this.#outcome.error
        return undefined
      }
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}
