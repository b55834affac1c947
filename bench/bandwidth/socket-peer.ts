/** The process at the other end of the bare socket pair: fills 256 warm buffers in turn, and sends from them. */
import net from 'node:net'
import { ACK_BYTES, HEAD_BYTES, OP_BYTES, op } from './socket-format.ts'

const buffers = Array.from({ length: 256 }, () => Buffer.allocUnsafeSlow(OP_BYTES).fill(1))
let next = 0

function serve(socket: net.Socket): void {
  const { _handle: handle } = socket as unknown as { _handle: { readStop(): void; reading: boolean } }
  handle.readStop()
  handle.reading = false
  Object.assign(socket, { _handle: null })
  socket.destroy()
  const scratch = Buffer.allocUnsafeSlow(64 << 10)
  let buffer = buffers[0]!
  let left = 0
  let direct = false
  const head = Buffer.alloc(HEAD_BYTES)
  let headFilled = 0
  const options = {
    handle,
    onread: {
      buffer() {
        direct = left > 0
        return direct ? buffer.subarray(OP_BYTES - left) : scratch
      },
      callback(bytes: number) {
        if (direct) {
          left -= bytes
          if (left === 0) fast.write(Buffer.alloc(ACK_BYTES))
          return true
        }
        for (let at = 0; at < bytes; ) {
          if (left > 0) {
            const take = Math.min(left, bytes - at)
            scratch.copy(buffer, OP_BYTES - left, at, at + take)
            left -= take
            at += take
            if (left === 0) fast.write(Buffer.alloc(ACK_BYTES))
            continue
          }
          const take = Math.min(HEAD_BYTES - headFilled, bytes - at)
          scratch.copy(head, headFilled, at, at + take)
          headFilled += take
          at += take
          if (headFilled < HEAD_BYTES) break
          headFilled = 0
          next = (next + 1) % buffers.length
          buffer = buffers[next]!
          if (head.readUInt32LE(0) === op.write) left = OP_BYTES
          else answer(buffer)
        }
        return true
      },
    },
  }
  const fast = new net.Socket(options as unknown as net.SocketConstructorOpts)
  function answer(body: Buffer): void {
    fast.cork()
    fast.write(Buffer.from(head))
    fast.write(body)
    process.nextTick(() => fast.uncork())
  }
  fast.setNoDelay(true)
  fast.on('error', () => fast.destroy())
  fast.read(0)
}

const server = net.createServer({ pauseOnConnect: true }, serve)
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as net.AddressInfo).port }))
process.on('disconnect', () => process.exit())
