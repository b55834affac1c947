/** What a peer may not do on a connection that is otherwise in order. */
import { expect, test } from 'vitest'
import { ConnectionCore, connectionContext } from './connection.ts'
import { HandlerTable } from './handlers.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { transportPair } from './testing/memory-transport.ts'
import { testOperations } from './testing/operations.ts'
import { RawPeer } from './testing/raw-peer.ts'

const { raw, download } = testOperations

function serve(handlers: HandlerTable): RawPeer {
  const [transport, other] = transportPair()
  const hello = { role: 'active', clientId: 'core' } as const
  const connection = new ConnectionCore(connectionContext(new FakeClock()), { side: 'accepted', hello, handlers, transport })
  connection.start().catch(() => undefined)
  const peer = new RawPeer(other)
  peer.hello()
  return peer
}

test('the id of a hot request that is not answered yet is not given again', async () => {
  const handlers = new HandlerTable()
  const received: number[] = []
  handlers.raw(raw, () => ({
    place: () => undefined,
    received: (_head, _body, id) => void received.push(id),
    answersLater: id => received.includes(id),
    abandoned: () => undefined,
  }))
  const peer = serve(handlers)
  for (const id of [1, 3, 1]) peer.send('request', { operation: raw.code, id })
  await peer.whenGone()
  expect(received).toEqual([1, 3])
  expect(peer.all('error')[0]!.head.toString()).toMatch(/PROTOCOL_ERROR.*request 1/)
})

test.each([65_536.5, -1, Number.NaN, Number.POSITIVE_INFINITY])('credit up to %d is none', async limit => {
  const handlers = new HandlerTable()
  handlers.stream(download, async (_head, stream) => {
    await stream.write(Buffer.alloc(100_000))
    return {}
  })
  const peer = serve(handlers)
  peer.send('open', { operation: download.code, id: 1, head: { text: '' } })
  peer.credit(1, limit)
  await peer.whenGone()
  expect(peer.all('error')[0]!.head.toString()).toMatch(/PROTOCOL_ERROR.*credit/)
})
