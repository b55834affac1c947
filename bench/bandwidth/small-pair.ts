/** The baseline of small operations: a bare pair of Node sockets, batched. */
import net from 'node:net'
import { BODY_BYTES, FRAME_BYTES, FrameCutter, FrameSender, HEAD_BYTES, IN_FLIGHT, keepTurning, op } from './small-format.ts'

export const smallPeer = new URL('./small-peer.js', import.meta.url)

/** Writes so many bodies and waits until each has been acknowledged. */
export function smallWrite(port: number, operations: number, inFlight = IN_FLIGHT): Promise<void> {
  const data = Buffer.alloc(BODY_BYTES, 7)
  return run(port, operations, inFlight, FRAME_BYTES, (sender, number) => sender.add(op.write, number, data))
}

/** Reads so many bodies into one buffer. */
export function smallRead(port: number, operations: number, inFlight = IN_FLIGHT): Promise<void> {
  const into = Buffer.allocUnsafeSlow(BODY_BYTES)
  const ask = (sender: FrameSender, number: number): void => sender.add(op.read, number)
  return run(port, operations, inFlight, HEAD_BYTES, ask, (memory, at) => memory.copy(into, 0, at + HEAD_BYTES, at + FRAME_BYTES))
}

/** One after the other is the business of a client that does not sleep meanwhile. */
async function run(...[port, operations, inFlight, ...asking]: Parameters<typeof exchange>): Promise<void> {
  const stop = inFlight === 1 ? keepTurning() : undefined
  try {
    await exchange(port, operations, inFlight, ...asking)
  } finally {
    stop?.()
  }
}

function exchange(
  port: number,
  operations: number,
  inFlight: number,
  askBytes: number,
  ask: (sender: FrameSender, number: number) => void,
  answered: (memory: Buffer, at: number) => void = () => {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    let asked = 0
    let done = 0
    let sending = false
    const sender = new FrameSender(askBytes, bytes => socket.write(bytes))
    const send = (): void => {
      sending = false
      while (asked < operations && asked - done < inFlight) ask(sender, asked++)
      sender.flush()
    }
    const cutter = new FrameCutter((memory, at) => {
      answered(memory, at)
      done++
    })
    const buffer = Buffer.allocUnsafeSlow(64 << 10)
    const callback = (bytes: number): boolean => {
      cutter.take(buffer, bytes)
      if (done === operations) {
        socket.destroy()
        resolve()
      } else if (!sending) {
        sending = true
        setImmediate(send)
      }
      return true
    }
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } }, send)
    socket.on('error', reject)
    socket.on('end', () => reject(new Error('the other end of the bare pair has gone')))
  })
}
