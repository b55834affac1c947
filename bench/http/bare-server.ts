/** The baseline: Node's own HTTP server in a process of its own, with an answer as short as that of `/healthz`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onParentGone } from '../../server/parent-process.ts'

const answer = JSON.stringify({ status: 'ok', role: 'bare' })
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) }

const server = createServer((request, response) => {
  request.resume()
  response.writeHead(200, headers).end(answer)
})
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }))
onParentGone(() => process.exit())
