/** The baseline: a bare pair of Node sockets that moves the same memory as the store does, each side a process of its own. */
import { type ChildProcess, fork } from 'node:child_process'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { ACK_BYTES, HEAD_BYTES, OP_BYTES, op } from './socket-format.ts'

/** Operations under way at the same time. */
const IN_FLIGHT = 8

/** The other side of the pair, in a process of its own. */
export class SocketPeer {
  readonly #child: ChildProcess
  readonly port: number

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  static start(): Promise<SocketPeer> {
    return new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(new URL('./socket-peer.js', import.meta.url)))
      child.once('message', message => resolve(new SocketPeer(child, (message as { port: number }).port)))
      child.once('exit', () => reject(new Error('the bare socket peer did not start')))
    })
  }

  stop(): void {
    this.#child.kill()
  }
}

/** Writes `operations` pieces and waits until each has been acknowledged. */
export function socketWrite(port: number, operations: number): Promise<void> {
  const data = Buffer.alloc(OP_BYTES, 7)
  return run(port, operations, ACK_BYTES, Buffer.allocUnsafeSlow(64 << 10), (socket, head) => {
    socket.write(head(op.write))
    socket.write(data)
  })
}

/** Reads `operations` pieces into one buffer. */
export function socketRead(port: number, operations: number): Promise<void> {
  return run(port, operations, HEAD_BYTES + OP_BYTES, Buffer.allocUnsafeSlow(OP_BYTES), (socket, head) => {
    socket.write(head(op.read))
  })
}

function run(
  port: number,
  operations: number,
  answerBytes: number,
  into: Buffer,
  ask: (socket: net.Socket, head: (code: number) => Buffer) => void,
): Promise<void> {
  const head = (code: number): Buffer => {
    const bytes = Buffer.allocUnsafe(HEAD_BYTES)
    bytes.writeUInt32LE(code, 0)
    bytes.writeUInt32LE(OP_BYTES, 4)
    return bytes
  }
  return new Promise((resolve, reject) => {
    let asked = 0
    let received = 0
    const send = (): void => {
      const answered = Math.floor(received / answerBytes)
      socket.cork()
      for (; asked < operations && asked - answered < IN_FLIGHT; asked++) ask(socket, head)
      socket.uncork()
      if (answered === operations) {
        socket.destroy()
        resolve()
      }
    }
    const callback = (bytes: number): boolean => {
      const before = Math.floor(received / answerBytes)
      received += bytes
      if (Math.floor(received / answerBytes) !== before) send()
      return true
    }
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: into, callback } }, send)
    socket.on('error', reject)
  })
}
