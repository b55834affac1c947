/** The process at the other end of the bare pair of small operations. */
import { type OnRead, serve } from './bare-server.ts'
import { BODY_BYTES, FRAME_BYTES, FrameCutter, FrameSender, HEAD_BYTES, keepTurning, op, TURNING } from './small-format.ts'

const memory = Buffer.allocUnsafeSlow(Number(process.argv[2])).fill(1)
let next = 0
if (process.argv[3] === TURNING) keepTurning()

serve((socket): OnRead => {
  const buffer = Buffer.allocUnsafeSlow(64 << 10)
  const send = (bytes: Uint8Array): void => {
    socket().write(bytes)
  }
  const acks = new FrameSender(HEAD_BYTES, send)
  const answers = new FrameSender(FRAME_BYTES, send)
  const cutter = new FrameCutter((frames, at) => {
    const place = next
    next = (next + BODY_BYTES) % memory.length
    const number = frames.readUInt32LE(at + 4)
    if (frames.readUInt32LE(at) === op.read) answers.add(op.gave, number, memory.subarray(place, place + BODY_BYTES))
    else {
      frames.copy(memory, place, at + HEAD_BYTES, at + FRAME_BYTES)
      acks.add(op.wrote, number)
    }
  })
  let answering = false
  const answer = (): void => {
    answering = false
    acks.flush()
    answers.flush()
  }
  return {
    buffer: () => buffer,
    callback(bytes) {
      cutter.take(buffer, bytes)
      if (answering) return true
      answering = true
      setImmediate(answer)
      return true
    },
  }
})
