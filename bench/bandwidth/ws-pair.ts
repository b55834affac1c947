/** The baseline over WebSocket: a bare pair of `ws`, each side a process of its own. */
import { WebSocket } from 'ws'
import { IN_FLIGHT, OP_BYTES } from './ws-format.ts'

export const wsPeer = new URL('./ws-peer.js', import.meta.url)

/** Sends so many pieces and waits until each has been acknowledged. */
export function wsPairWrite(port: number, operations: number): Promise<void> {
  return run(port, operations, Buffer.alloc(OP_BYTES, 7))
}

/** Asks for so many pieces. */
export function wsPairRead(port: number, operations: number): Promise<void> {
  return run(port, operations, Buffer.alloc(1))
}

function run(port: number, operations: number, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    // A mask of zeros is a mask, and `ws` saves itself the work of applying it: as fast as the pair can be.
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false, generateMask: mask => mask.fill(0) })
    let asked = 0
    let answered = 0
    const send = (): void => {
      for (; asked < operations && asked - answered < IN_FLIGHT; asked++) socket.send(message)
    }
    socket.on('open', send)
    socket.on('message', () => {
      answered++
      if (answered < operations) send()
      else {
        socket.terminate()
        resolve()
      }
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the other end of the bare pair has gone')))
  })
}
