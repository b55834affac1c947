import { expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import type { Log } from '../server/log.ts'
import { FakeConnection, settle } from './fakes.test.helper.ts'
import { Revocations } from './revocations.ts'
import type { ServerRecord } from './servers.ts'

const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

function serverOf(connection?: FakeConnection): ServerRecord {
  return { id: 'storage-1', connection } as ServerRecord
}

function setUp(...servers: ServerRecord[]) {
  return new Revocations(log, () => servers)
}

test('a token is taken back once every server that is connected has said so', async () => {
  const [one, other, away] = [new FakeConnection('one'), new FakeConnection('other'), serverOf()]
  let answer: (() => void) | undefined
  one.respond(catalogue.revokeTokens, () => ({}))
  other.respond(catalogue.revokeTokens, () => new Promise(resolve => (answer = () => resolve({}))))
  const revocations = setUp(serverOf(one), serverOf(other), away)
  revocations.tell({ number: 3, token: 9 })
  let isSettled = false
  const settled = revocations.settled().then(() => (isSettled = true))
  await settle()
  expect(isSettled).toBe(false)
  for (const connection of [one, other]) expect(connection.sent(catalogue.revokeTokens)).toEqual([{ least: [[3, 9]] }])
  answer!()
  await settled
})

test('a server that does not take it loses its connection, and is told of all when it comes again', async () => {
  const deaf = new FakeConnection('deaf')
  deaf.respond(catalogue.revokeTokens, () => Promise.reject(new Error('no answer in time')))
  const server = serverOf(deaf)
  const revocations = setUp(server)
  revocations.tell({ number: 3, token: 9 })
  await revocations.settled()
  expect(deaf.closed).toBe(true)
  const again = new FakeConnection('again')
  again.respond(catalogue.revokeTokens, () => ({}))
  server.connection = again
  const namespaces = [{ number: 0, token: 0 }, ...Array.from({ length: 1_500 }, (_, index) => ({ number: index + 1, token: 9 }))]
  revocations.tellAll(server, namespaces)
  await revocations.settled()
  expect(again.sent(catalogue.revokeTokens).flatMap(({ least }) => least)).toHaveLength(1_500)
})

test('a server whose connection goes meanwhile is not waited for', async () => {
  const going = new FakeConnection('going')
  going.respond(catalogue.revokeTokens, () => new Promise(() => {}))
  const revocations = setUp(serverOf(going))
  revocations.tell({ number: 3, token: 9 })
  going.close()
  await revocations.settled()
})
