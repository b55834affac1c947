/** Large pieces to and from nodes, through direct handles, in a few buffers that are used again and again. */
import type { ActionNode, FileNode } from '../../client/index.ts'

/** Small enough that what is under way stays in the caches. */
export const PIECE_BYTES = 256 << 10
/** Pieces that are under way at the same time. */
const IN_FLIGHT = 4

/** Takes pieces; each belongs to it until the promise settles. */
export interface Target {
  write(piece: Uint8Array): Promise<void>
  close(): Promise<void>
}

export async function fileTarget(node: FileNode): Promise<Target> {
  const handle = await node.open({ write: true })
  let position = 0
  return {
    write(piece) {
      const at = position
      position += piece.length
      return handle.write(at, piece)
    },
    close: () => handle.close(),
  }
}

export function actionTarget(node: ActionNode): Promise<Target> {
  return node.openWriter()
}

/** Hands out buffers to fill, and sends them. */
export class PieceWriter {
  readonly #target: Target
  readonly #free: Buffer[]
  readonly #underWay: Promise<Buffer>[] = []

  constructor(target: Target, pieceBytes = PIECE_BYTES, inFlight = IN_FLIGHT) {
    this.#target = target
    this.#free = Array.from({ length: inFlight }, () => Buffer.allocUnsafeSlow(pieceBytes))
  }

  /** A buffer to fill. */
  async next(): Promise<Buffer> {
    return this.#free.pop() ?? (await this.#underWay.shift()!)
  }

  /** Sends the first bytes of a buffer that `next` gave. */
  send(buffer: Buffer, length: number): void {
    if (length === 0) {
      this.#free.push(buffer)
      return
    }
    const written = this.#target.write(buffer.subarray(0, length)).then(() => buffer)
    // Whoever takes it from the queue is told.
    written.catch(() => {})
    this.#underWay.push(written)
  }

  async close(): Promise<void> {
    await Promise.all(this.#underWay)
    await this.#target.close()
  }
}

/** Goes through the bytes of a file. Each piece is lent until `fn` returns, or until what that promises. */
export async function forEachPiece(
  node: FileNode,
  fn: (piece: Buffer) => void | Promise<void>,
  pieceBytes = PIECE_BYTES,
): Promise<void> {
  await using handle = await node.open()
  const { size } = handle
  let position = 0
  const read = (buffer: Buffer): Promise<Buffer> | undefined => {
    if (position >= size) return undefined
    const reading = handle.read(position, buffer).then(bytes => buffer.subarray(0, bytes))
    position += buffer.length
    reading.catch(() => {})
    return reading
  }
  const buffers = Array.from({ length: IN_FLIGHT }, () => Buffer.allocUnsafeSlow(pieceBytes))
  const underWay = buffers.map(buffer => ({ buffer, reading: read(buffer) }))
  for (let next = underWay.shift()!; next.reading; next = underWay.shift()!) {
    const { buffer, reading } = next
    const done = fn(await reading)
    if (done) await done
    underWay.push({ buffer, reading: read(buffer) })
  }
}
