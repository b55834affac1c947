/** The process at the other end of the bare pair of large operations: fills warm memory piece by piece, and sends from it. */
import { inFlight } from '../store-figures.ts'
import { type OnRead, serve } from './bare-server.ts'
import { ACK_BYTES, HEAD_BYTES, op } from './socket-format.ts'

/** Little more than heads: what of a body comes with its head has to be copied. */
const SCRATCH_BYTES = 4 << 10
const memoryBytes = Number(process.argv[2])
const memory = Array.from({ length: memoryBytes >> 20 }, () => Buffer.allocUnsafeSlow(1 << 20).fill(1))
let next = 0

/** The next piece: as many of them as fill a buffer follow each other in it. */
function piece(bytes: number): Buffer {
  if (next + bytes > memoryBytes) next = 0
  const offset = next % (1 << 20)
  const found = memory[next >> 20]!.subarray(offset, offset + bytes)
  next += bytes
  return found
}

serve((send): OnRead => {
  const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  const head = Buffer.alloc(HEAD_BYTES)
  const acks = Buffer.alloc(ACK_BYTES * inFlight(0))
  let headFilled = 0
  let body: Buffer = scratch
  let left = 0
  let direct = false
  let owed = 0
  // What was received in one turn of the loop is acknowledged together: much quicker than one by one.
  const acknowledge = (): void => {
    send().write(acks.subarray(0, ACK_BYTES * owed))
    owed = 0
  }
  const answer = (bytes: Buffer): void => {
    const socket = send()
    socket.cork()
    socket.write(Buffer.from(head))
    socket.write(bytes)
    process.nextTick(() => socket.uncork())
  }
  const take = (bytes: number): void => {
    left -= bytes
    if (left > 0) return
    owed++
    if (owed === 1) setImmediate(acknowledge)
  }
  return {
    buffer() {
      direct = left > 0
      return direct ? body.subarray(body.length - left) : scratch
    },
    callback(bytes) {
      if (direct) {
        take(bytes)
        return true
      }
      for (let at = 0; at < bytes; ) {
        if (left > 0) {
          const some = Math.min(left, bytes - at)
          scratch.copy(body, body.length - left, at, at + some)
          at += some
          take(some)
          continue
        }
        const some = Math.min(HEAD_BYTES - headFilled, bytes - at)
        scratch.copy(head, headFilled, at, at + some)
        headFilled += some
        at += some
        if (headFilled < HEAD_BYTES) break
        headFilled = 0
        body = piece(head.readUInt32LE(4))
        if (head.readUInt32LE(0) === op.write) left = body.length
        else answer(body)
      }
      return true
    },
  }
})
