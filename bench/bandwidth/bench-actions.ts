import { Action, type ActionInput, type ActionOutput } from 'glider/action'

/** Takes whatever comes and keeps nothing. */
export class Drain extends Action {
  static override calls = ['taken']
  #bytes = 0

  override async onWrite(input: ActionInput): Promise<void> {
    await input.forEachChunk(chunk => {
      this.#bytes += chunk.length
    })
  }

  taken(): number {
    return this.#bytes
  }
}

/** Gives as many bytes as it was told to, from one piece of warm memory. */
export class Generate extends Action<{ readonly bytes: number; readonly pieceBytes: number }> {
  override async onRead(output: ActionOutput): Promise<void> {
    const { bytes, pieceBytes } = this.params
    const piece = Buffer.alloc(pieceBytes, 7)
    for (let left = bytes; left > 0; left -= pieceBytes) {
      await output.write(left < pieceBytes ? piece.subarray(0, left) : piece)
    }
  }
}
