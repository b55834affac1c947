import { FrameDecoder } from '../decoder.ts'
import { encodeFrame, type FrameKindName, frameKind, MAX_BODY_BYTES, MAX_HEAD_BYTES } from '../frame.ts'
import type { Transport, TransportEvents } from '../transport.ts'

export interface RawFrame {
  readonly kind: FrameKindName
  readonly operation: number
  readonly id: number
  readonly head: Buffer
  readonly body: Buffer
}

const EMPTY = Buffer.alloc(0)

export const helloHead = {
  version: { major: 1, minor: 0 },
  role: 'client',
  clientId: 'raw',
  limits: { headBytes: MAX_HEAD_BYTES, bodyBytes: MAX_BODY_BYTES },
}

/** The other side of a connection, frame by frame: sends what it is told to, and keeps what it gets. */
export class RawPeer implements TransportEvents {
  readonly frames: RawFrame[] = []
  readonly transport: Transport
  readonly #decoder: FrameDecoder
  readonly #waiting = new Set<() => void>()
  /** Whether the connection is gone. */
  closed = false

  constructor(transport: Transport) {
    this.transport = transport
    this.#decoder = new FrameDecoder({
      place: () => undefined,
      frame: (header, head, body) => {
        const kind = (Object.keys(frameKind) as FrameKindName[]).find(name => frameKind[name] === header.kind)!
        const { operation, id } = header
        this.frames.push({ kind, operation, id, head: Buffer.from(head), body: Buffer.from(body) })
      },
    })
    transport.start(this)
  }

  send(
    kind: FrameKindName,
    { operation = 0, id = 0, head, body = EMPTY }: { operation?: number; id?: number; head?: unknown; body?: Uint8Array } = {},
  ): void {
    const bytes = head === undefined ? EMPTY : head instanceof Uint8Array ? head : Buffer.from(JSON.stringify(head))
    this.sendBytes(encodeFrame(frameKind[kind], operation, id, bytes, body))
  }

  sendBytes(bytes: Uint8Array): void {
    this.transport.write([bytes], () => undefined)
  }

  hello(): void {
    this.send('hello', { head: helloHead })
  }

  credit(id: number, limit: number, taken = 0): void {
    const head = Buffer.alloc(16)
    head.writeDoubleLE(limit, 0)
    head.writeDoubleLE(taken, 8)
    this.send('credit', { id, head })
  }

  all(kind: FrameKindName): RawFrame[] {
    return this.frames.filter(frame => frame.kind === kind)
  }

  /** Resolves once `ready` says so; asked whenever something has come. */
  async until(ready: () => boolean): Promise<void> {
    while (!ready()) {
      await new Promise<void>(resolve => {
        this.#waiting.add(resolve)
      })
    }
  }

  /** The `count`th frame of a kind. */
  async frame(kind: FrameKindName, count = 1): Promise<RawFrame> {
    await this.until(() => this.all(kind).length >= count)
    return this.all(kind)[count - 1]!
  }

  async whenGone(): Promise<void> {
    await this.until(() => this.closed)
  }

  landing(): Uint8Array | undefined {
    return undefined
  }

  landed(): void {}

  bytes(chunk: Buffer): void {
    this.#decoder.push(chunk)
    this.#wake()
  }

  gone(): void {
    this.closed = true
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
