/** The baseline of large operations: a bare pair of Node sockets that moves the same memory as the store does. */
import net from 'node:net'
import { inFlight } from '../store-figures.ts'
import { ACK_BYTES, HEAD_BYTES, op } from './socket-format.ts'

export const socketPeer = new URL('./socket-peer.js', import.meta.url)

/** Writes `operations` pieces and waits until each has been acknowledged. */
export function socketWrite(port: number, opBytes: number, operations: number): Promise<void> {
  const data = Buffer.alloc(opBytes, 7)
  return run(port, opBytes, operations, ACK_BYTES, Buffer.allocUnsafeSlow(64 << 10), (socket, head) => {
    socket.write(head(op.write))
    socket.write(data)
  })
}

/** Reads `operations` pieces into one buffer. */
export function socketRead(port: number, opBytes: number, operations: number): Promise<void> {
  return run(port, opBytes, operations, HEAD_BYTES + opBytes, Buffer.allocUnsafeSlow(opBytes), (socket, head) => {
    socket.write(head(op.read))
  })
}

function run(
  port: number,
  opBytes: number,
  operations: number,
  answerBytes: number,
  into: Buffer,
  ask: (socket: net.Socket, head: (code: number) => Buffer) => void,
): Promise<void> {
  const head = (code: number): Buffer => {
    const bytes = Buffer.allocUnsafe(HEAD_BYTES)
    bytes.writeUInt32LE(code, 0)
    bytes.writeUInt32LE(opBytes, 4)
    return bytes
  }
  const most = inFlight(opBytes)
  return new Promise((resolve, reject) => {
    let asked = 0
    let received = 0
    let sending = false
    const send = (): void => {
      sending = false
      const answered = Math.floor(received / answerBytes)
      socket.cork()
      for (; asked < operations && asked - answered < most; asked++) ask(socket, head)
      socket.uncork()
      if (answered === operations) {
        socket.destroy()
        resolve()
      }
    }
    const callback = (bytes: number): boolean => {
      const before = Math.floor(received / answerBytes)
      received += bytes
      if (Math.floor(received / answerBytes) === before || sending) return true
      // What is answered in one turn of the loop is followed by the next together: much quicker than one by one.
      sending = true
      setImmediate(send)
      return true
    }
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: into, callback } }, send)
    socket.on('error', reject)
    socket.on('end', () => reject(new Error('the other end of the bare pair has gone')))
  })
}
