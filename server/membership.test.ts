import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { systemClock, systemRandomness } from '../protocol/clock.system.ts'
import type { Clock } from '../protocol/clock.ts'
import { connectionContext } from '../protocol/connection.ts'
import { dial, UPGRADE_PROTOCOL } from '../protocol/dial.system.ts'
import { GliderError } from '../protocol/errors.ts'
import { HandlerTable } from '../protocol/handlers.ts'
import { FakeClock } from '../protocol/testing/fake-clock.ts'
import { Chassis } from './chassis.ts'
import { Membership, RETRY_MS } from './membership.ts'
import { TrafficReports } from './traffic.ts'

const log = pino({ level: 'warn' }, { write: (line: string) => warnings.push((JSON.parse(line) as { msg: string }).msg) })
let warnings: string[] = []
const cleanups: (() => unknown)[] = []
let refusal: GliderError | undefined
let registrations: string[]

beforeEach(() => {
  refusal = undefined
  registrations = []
  warnings = []
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function metadataServer(port = 0, role: 'metadata' | 'storage' = 'metadata'): Promise<Chassis> {
  const handlers = new HandlerTable()
  handlers.answer(catalogue.register, ({ incarnation }) => {
    if (refusal) throw refusal
    registrations.push(incarnation)
    return { id: 's1', blockBytes: 1024, known: registrations.length > 1 }
  })
  handlers.answer(catalogue.heartbeat, () => ({}))
  const chassis = await Chassis.start({
    role,
    id: role,
    host: '127.0.0.1',
    port,
    context: connectionContext(systemClock),
    handlers,
    metrics: new Registry(),
    log,
    notReady: () => [],
  })
  cleanups.push(() => chassis.stop())
  return chassis
}

function member(
  metadataAddress: string,
  registered: (known: boolean) => void = () => undefined,
  clock: Clock = systemClock,
  dismissed: (why: string) => void = () => undefined,
): Membership {
  const membership = new Membership({
    dial,
    metadataAddress,
    context: connectionContext(clock),
    handlers: new HandlerTable(),
    randomness: systemRandomness,
    log,
    traffic: new TrafficReports(() => []),
    offer: () => ({
      role: 'storage',
      incarnation: 'AbCdEfGhIjKl',
      address: '127.0.0.1:1',
      storageClass: 'dram',
      capacity: 1024,
      proofKey: 'key',
    }),
    registered: ({ known }) => registered(known),
    dismissed,
  })
  cleanups.push(() => membership.stop())
  return membership
}

describe('a membership', () => {
  test('begins with a registration, and begins anew when the metadata server has come back', async () => {
    const first = await metadataServer()
    const port = Number(first.address.split(':')[1])
    const answers: boolean[] = []
    let again!: () => void
    const registeredAgain = new Promise<void>(resolve => {
      again = resolve
    })
    const membership = member(first.address, known => {
      answers.push(known)
      if (answers.length === 2) again()
    })
    expect(() => membership.connection).toThrow('cannot be reached')
    await membership.join()
    expect(membership.isMember).toBe(true)
    const lost = new Promise(resolve => membership.connection.onClose(resolve))
    await first.stop()
    await lost
    expect(membership.isMember).toBe(false)
    await metadataServer(port)
    await registeredAgain
    expect(answers).toEqual([false, true])
    expect(registrations).toEqual(['AbCdEfGhIjKl', 'AbCdEfGhIjKl'])
  })

  test('that finds no metadata server says so once, and tries again until there is one', async () => {
    const gone = await metadataServer()
    const port = Number(gone.address.split(':')[1])
    await gone.stop()
    let failures = 0
    let failedOften!: () => void
    const thirdFailure = new Promise<void>(resolve => {
      failedOften = resolve
    })
    const counting: Clock = {
      ...systemClock,
      after(delayMs, callback) {
        if (delayMs === RETRY_MS && ++failures === 3) failedOften()
        return systemClock.after(delayMs, callback)
      },
    }
    const membership = member(gone.address, undefined, counting)
    const joining = membership.join()
    await thirdFailure
    expect(warnings).toEqual(['cannot register yet, trying again'])
    await metadataServer(port)
    await joining
    expect(membership.isMember).toBe(true)
  })

  test('that is refused for good fails', async () => {
    refusal = new GliderError('INVALID_ARGUMENT', 'no such storage class')
    const { address } = await metadataServer()
    await expect(member(address).join()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    // Whoever wanted to join says so.
    expect(warnings).toEqual([])
  })

  test('fails at first where another server than the metadata server answers', async () => {
    const { address } = await metadataServer(0, 'storage')
    await expect(member(address).join()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`${address} is the address of a storage server: give the address of the metadata server`),
    })
    expect(registrations).toEqual([])
  })

  test('that is not taken back is told so, and ends', async () => {
    const first = await metadataServer()
    const port = Number(first.address.split(':')[1])
    let tell!: (why: string) => void
    const told = new Promise<string>(resolve => {
      tell = resolve
    })
    const membership = member(first.address, undefined, systemClock, tell)
    await membership.join()
    await first.stop()
    refusal = new GliderError('FORBIDDEN', 'this server was removed')
    await metadataServer(port)
    expect(await told).toBe('this server was removed')
    expect(warnings.filter(warning => warning.includes('this server was removed'))).toHaveLength(1)
    expect(membership.isMember).toBe(false)
    expect(registrations).toHaveLength(1)
  })

  test('that is stopped while the metadata server keeps silent leaves no connection behind', async () => {
    const server = http.createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanups.push(() => server.close())
    // Of a clock that stands still: nothing ends by itself.
    const membership = member(`127.0.0.1:${(server.address() as AddressInfo).port}`, undefined, new FakeClock())
    void membership.join()
    const [, socket] = (await once(server, 'upgrade')) as [unknown, Duplex]
    const closed = once(socket, 'close')
    socket.resume()
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_PROTOCOL}\r\n\r\n`)
    // Its hello has come, ours never does.
    await once(socket, 'data')
    membership.stop()
    socket.on('end', () => socket.destroy())
    await closed
  })
})
