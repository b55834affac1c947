import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { dial } from './dial.system.ts'

const certificates = path.join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'tls')
const [cert, key] = ['cert.pem', 'key.pem'].map(name => readFileSync(path.join(certificates, name), 'utf8')) as [string, string]
const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function listening(server: net.Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => new Promise(resolve => server.close(resolve)))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const ways = [
  ['an upgrade', false],
  ['a WebSocket', true],
] as const

test.each(ways)('who speaks plain HTTP to a server with TLS is told so, as %s', async (_way, webSocket) => {
  const address = await listening(https.createServer({ cert, key }))
  await expect(dial(address, { webSocket })).rejects.toMatchObject({
    code: 'PROTOCOL_ERROR',
    message: expect.stringMatching(new RegExp(`^${address} speaks TLS: use https://.*--tls-cert.*--tls-ca`)),
  })
})

test.each(ways)('who speaks TLS to a server without it is told so, as %s', async (_way, webSocket) => {
  const address = await listening(http.createServer())
  await expect(dial(address, { webSocket, tls: { ca: cert } })).rejects.toMatchObject({
    code: 'PROTOCOL_ERROR',
    message: expect.stringMatching(new RegExp(`^${address} does not speak TLS: use http://.*--tls-cert`)),
  })
})

test.each(ways)('a server that hangs up speaks neither, as %s', async (_way, webSocket) => {
  const address = await listening(net.createServer(socket => socket.destroy()))
  await expect(dial(address, { webSocket })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('whoever gives up while it is found out why a server hangs up is not kept waiting', async () => {
  const giving = new AbortController()
  let connections = 0
  // The second one is to find out, and gets no answer.
  const server = net.createServer(socket => {
    connections += 1
    if (connections === 1) socket.destroy()
    else giving.abort()
    socket.on('error', () => undefined).resume()
  })
  const address = await listening(server)
  await expect(dial(address, { signal: giving.signal })).rejects.toMatchObject({ code: 'CANCELLED' })
})

test('a certificate for another name is refused with the names that it is for', async () => {
  const address = await listening(https.createServer({ cert, key }))
  // Another way to write the same, which the certificate does not have.
  const elsewhere = address.replace('127.0.0.1', '127.1')
  await expect(dial(elsewhere, { tls: { ca: cert } })).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: expect.stringMatching(/it is for .*DNS:localhost.*, not for 127\.1\)/),
  })
})

test.each(ways)('authorities that are no PEM are refused, as %s', async (_way, webSocket) => {
  await expect(dial('127.0.0.1:1', { webSocket, tls: { ca: 'cert.pem' } })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/--tls-ca.*tlsCa/),
  })
})
