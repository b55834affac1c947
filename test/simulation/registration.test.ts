/** What a server is asked for between its registration and the answer to it, which may be long in coming. */
import { expect, it } from 'vitest'
import { readHead, writeHead } from '../../protocol/block-operations.ts'
import { catalogue } from '../../protocol/catalogue.ts'
import { ConnectionCore, connectionContext } from '../../protocol/connection.ts'
import { noGrant } from '../../protocol/grant.ts'
import { HandlerTable } from '../../protocol/handlers.ts'
import { encodeLocation, sign } from '../../protocol/location.ts'
import type { Operation } from '../../protocol/operation.ts'
import type { Connection } from '../../protocol/peer.ts'
import { startStorageServer } from '../../storage-server/storage-server.ts'
import { startSimulatedActiveServer } from './active-server.ts'
import { VirtualNetwork } from './network.ts'
import { Odds } from './odds.ts'
import { Process } from './process.ts'
import { Scheduler } from './scheduler.ts'

interface Registration {
  readonly incarnation: string
  readonly proofKey: Buffer
  readonly connection: Connection
  answer(known: boolean): void
}

/** A network with a metadata server that answers registrations when it is told to. */
class Setup {
  readonly scheduler = new Scheduler()
  readonly network = new VirtualNetwork(this.scheduler, new Odds(1))
  readonly registrations: Registration[] = []

  async listen(): Promise<void> {
    const { clock, log } = this.process('meta')
    const handlers = new HandlerTable()
    handlers.answer(catalogue.heartbeat, () => ({}))
    handlers.answer(
      catalogue.register,
      ({ incarnation, proofKey }, { connection }) =>
        new Promise(resolve => {
          const answer = (known: boolean): void => resolve({ id: 'server-1', blockBytes: 1024, known })
          this.registrations.push({ incarnation, proofKey: Buffer.from(proofKey, 'base64url'), connection, answer })
        }),
    )
    await this.network.of(this.#meta!).listen({
      ...({ role: 'metadata', id: 'metadata', host: '', port: 9060, context: connectionContext(clock), handlers, log } as const),
      metrics: undefined as never,
      notReady: () => [],
    })
  }

  #meta: Process | undefined

  process(name: string): Process {
    const made = new Process(this.scheduler, { name, host: name, odds: new Odds(2), complain: () => {} })
    if (name === 'meta') this.#meta = made
    return made
  }

  /** The next registration, once the server has lost its connection or come up. */
  async registration(number: number): Promise<Registration> {
    expect(await this.scheduler.drive(() => this.registrations.length >= number, this.scheduler.now + 10_000)).toBe(true)
    return this.registrations[number - 1]!
  }

  /** Time passes until something that was asked for is answered. */
  async ask<T>(asked: Promise<T>): Promise<T> {
    let over = false
    const ended = asked.finally(() => {
      over = true
    })
    ended.catch(() => undefined)
    expect(await this.scheduler.drive(() => over, this.scheduler.now + 10_000)).toBe(true)
    return ended
  }
}

function raw(client: ConnectionCore, operation: Operation, head: Buffer, body?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    client.requestRaw(operation, head, body, {
      place: () => undefined,
      answered: (_head, bytes) => resolve(bytes.toString()),
      failed: reject,
    })
  })
}

it('a storage server that is not known drops what it had, but not what was written since it registered', async () => {
  const setup = new Setup()
  await setup.listen()
  const server = setup.process('storage')
  const { clock, randomness, log } = server
  const config = { host: '', port: 7000, metadata: 'meta:9060', capacityBytes: 8192, storageClass: 'dram' }
  const system = { clock, randomness, log, network: setup.network.of(server) }
  const started = startStorageServer({ ...config, kind: 'dram', prefault: 'off' }, system)
  const first = await setup.registration(1)
  first.answer(false)
  await setup.ask(started)

  const client = setup.process('client')
  const transport = await setup.ask(setup.network.of(client).dial('storage:7000'))
  const hello = { role: 'client', clientId: 'client' } as const
  const connection = new ConnectionCore(connectionContext(client.clock), { transport, side: 'dialled', hello })
  await setup.ask(connection.start())
  const locate = (block: number, counter: number): Buffer =>
    encodeLocation(
      sign(
        { incarnation: first.incarnation, block, generation: { epoch: 1, counter }, purpose: 'write', grant: noGrant },
        first.proofKey,
      ),
    )
  const write = (block: number, counter: number, text: string): Promise<string> =>
    setup.ask(raw(connection, catalogue.writeBlock, writeHead(locate(block, counter), 0), Buffer.from(text)))
  const read = (block: number, counter: number): Promise<string> =>
    setup.ask(raw(connection, catalogue.readBlock, readHead(locate(block, counter), 0, 3)))

  await write(0, 1, 'old')
  await write(1, 2, 'old')
  first.connection.close()
  const second = await setup.registration(2)
  await write(1, 3, 'new')
  await write(2, 4, 'new')
  second.answer(false)
  await setup.scheduler.pass(100)
  await expect(read(0, 1)).rejects.toMatchObject({ code: 'BLOCK_GONE' })
  expect([await read(1, 3), await read(2, 4)]).toEqual(['new', 'new'])
})

it('an active server that is not known drops what it had, but not what was made since it registered', async () => {
  const setup = new Setup()
  await setup.listen()
  const server = setup.process('active')
  const { clock, randomness, log } = server
  const system = { clock, randomness, log, network: setup.network.of(server) }
  const started = startSimulatedActiveServer({ port: 7100, metadata: 'meta:9060', slots: 3 }, system)
  const start = async ({ connection }: Registration, slot: number, counter: number): Promise<void> => {
    const what = { path: `/${slot}`, bundle: 'std', class: 'Counter', version: 'std', interleaved: false }
    await setup.ask(connection.request(catalogue.startObject, { slot, epoch: 1, counter, ...what }))
  }
  const held = async ({ connection }: Registration): Promise<number> =>
    (await setup.ask(connection.request(catalogue.listObjects, { first: 0 }))).body.length

  const first = await setup.registration(1)
  await start(first, 0, 1)
  const one = await held(first)
  first.answer(false)
  await setup.ask(started)
  expect(await held(first)).toBe(one)
  await start(first, 1, 2)
  first.connection.close()
  const second = await setup.registration(2)
  await start(second, 2, 3)
  second.answer(false)
  await setup.scheduler.pass(100)
  expect(await held(second)).toBe(one)
})
