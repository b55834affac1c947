import { expect, test } from 'vitest'
import { PeerProcess } from '../peer-process.ts'
import { BODY_BYTES, FRAME_BYTES, FrameCutter, FrameSender, HEAD_BYTES, IN_FLIGHT, op } from './small-format.ts'
import { smallPeer, smallRead, smallWrite } from './small-pair.ts'
import { socketPeer, socketRead, socketWrite } from './socket-pair.ts'
import { wsPairRead, wsPairWrite, wsPeer } from './ws-pair.ts'

test('frames come out whole and in order, wherever the borders of the reads are', () => {
  const sent: Uint8Array[] = []
  const sender = new FrameSender(FRAME_BYTES, bytes => sent.push(Buffer.from(bytes)))
  for (let number = 0; number < IN_FLIGHT; number++) sender.add(op.write, number, Buffer.alloc(BODY_BYTES, number))
  sender.flush()
  // Those of a turn leave together.
  expect(sent).toHaveLength(1)
  const stream = Buffer.concat([sent[0]!, headOf(op.read, IN_FLIGHT), headOf(op.read, IN_FLIGHT + 1)])
  for (const size of [1, 7, HEAD_BYTES, 1000, FRAME_BYTES, 64 << 10, stream.length]) {
    const numbers: number[] = []
    const cutter = new FrameCutter((memory, at) => {
      const number = memory.readUInt32LE(at + 4)
      numbers.push(number)
      if (number < IN_FLIGHT) expect(memory[at + HEAD_BYTES + 99]).toBe(number)
    })
    for (let at = 0; at < stream.length; at += size) {
      const piece = Buffer.from(stream.subarray(at, at + size))
      cutter.take(piece, piece.length)
    }
    expect(numbers).toEqual(Array.from({ length: IN_FLIGHT + 2 }, (_, number) => number))
  }
})

test('each bare pair does all of its operations', async () => {
  using large = await PeerProcess.start(socketPeer, 4 << 20)
  using small = await PeerProcess.start(smallPeer, 4 << 20)
  using webSocket = await PeerProcess.start(wsPeer, 4 << 20)
  for (const opBytes of [1 << 20, 64 << 10]) {
    await socketWrite(large.port, opBytes, 20)
    await socketRead(large.port, opBytes, 20)
  }
  await smallWrite(small.port, 1_000)
  await smallRead(small.port, 1_000)
  await wsPairWrite(webSocket.port, 10)
  await wsPairRead(webSocket.port, 10)
})

function headOf(code: number, number: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32LE(code, 0)
  head.writeUInt32LE(number, 4)
  return head
}
