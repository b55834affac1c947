/** The process at the other end of the bare pair of WebSockets. */
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { onParentGone } from '../../server/parent-process.ts'
import { OP_BYTES } from './ws-format.ts'

const memory = Array.from({ length: Number(process.argv[2]) / OP_BYTES }, () => Buffer.allocUnsafeSlow(OP_BYTES).fill(1))
const ack = Buffer.alloc(1)
let next = 0

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('listening', () => process.send!({ port: (server.address() as AddressInfo).port }))
server.on('connection', socket => {
  // What comes is in memory of its own already: a bare pair leaves it there.
  socket.on('message', data => socket.send((data as Buffer).length === OP_BYTES ? ack : memory[next++ % memory.length]!))
  socket.on('error', () => socket.terminate())
})
onParentGone(() => process.exit())
