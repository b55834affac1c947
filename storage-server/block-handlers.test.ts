import { beforeEach, describe, expect, test } from 'vitest'
import { readHead, writeHead } from '../protocol/block-operations.ts'
import { catalogue } from '../protocol/catalogue.ts'
import type { ConnectionCore } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import { encodeFrame, frameKind, MAX_BODY_BYTES } from '../protocol/frame.ts'
import { noGrant } from '../protocol/grant.ts'
import { HandlerTable } from '../protocol/handlers.ts'
import { encodeLocation, type Purpose, sign } from '../protocol/location.ts'
import type { Operation } from '../protocol/operation.ts'
import { connect, rawSetup } from '../protocol/testing/connections.ts'
import { Grants } from '../server/grants.ts'
import { type BlockCounters, bindBlocks } from './block-handlers.ts'
import { Blocks } from './blocks.ts'
import { DramStore } from './dram-store.ts'

const KEY = Buffer.alloc(32, 1)
const INCARNATION = 'AbCdEfGhIjKl'
const BLOCK_BYTES = 2 << 20

let blocks: Blocks | undefined
let counters: BlockCounters
let handlers: HandlerTable
let grants: Grants

beforeEach(() => {
  grants = new Grants()
  blocks = new Blocks({
    store: new DramStore(BLOCK_BYTES),
    capacityBytes: 4 * BLOCK_BYTES,
    blockBytes: BLOCK_BYTES,
    incarnation: INCARNATION,
    proofKey: KEY,
    grants,
  })
  counters = { reads: 0, writes: 0, bytesIn: 0, bytesOut: 0 }
  handlers = new HandlerTable()
  bindBlocks(
    handlers,
    () => {
      if (!blocks) throw new GliderError('UNAVAILABLE', 'not registered')
      return blocks
    },
    counters,
    grants,
  )
})

function rest(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

function location(block = 0, counter = 1, purpose: Purpose = 'write'): Buffer {
  return encodeLocation(
    sign({ incarnation: INCARNATION, block, generation: { epoch: 1, counter }, purpose, grant: noGrant }, KEY),
  )
}

/** One block operation as the client does it. */
function ask(
  connection: ConnectionCore,
  operation: Pick<Operation, 'code' | 'name'>,
  head: Buffer,
  body?: Uint8Array,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    connection.requestRaw(operation, head, body, {
      place: bytes => Buffer.allocUnsafe(bytes),
      answered: (_head, bytes) => resolve(Buffer.from(bytes)),
      failed: reject,
    })
  })
}

function write(connection: ConnectionCore, at: Buffer, offset: number, bytes: Uint8Array): Promise<Buffer> {
  return ask(connection, catalogue.writeBlock, writeHead(at, offset), bytes)
}

function read(connection: ConnectionCore, at: Buffer, offset: number, length: number): Promise<Buffer> {
  return ask(connection, catalogue.readBlock, readHead(at, offset, length))
}

describe('blocks over a connection', () => {
  test('give back what was written, in operations of all sizes', async () => {
    const { client } = await connect(handlers)
    const all = Buffer.alloc(BLOCK_BYTES)
    const sizes = [1, 100, 8_192, 8_193, 20_000, MAX_BODY_BYTES, 500_000]
    const writes: Promise<Buffer>[] = []
    let end = 0
    for (const [index, size] of sizes.entries()) {
      all.fill(index + 1, end, end + size)
      writes.push(write(client, location(), end, all.subarray(end, end + size)))
      end += size
    }
    expect((await Promise.all(writes)).every(({ length }) => length === 0)).toBe(true)
    const [first, second] = await Promise.all([
      read(client, location(0, 1, 'read'), 0, MAX_BODY_BYTES),
      read(client, location(0, 1, 'read'), MAX_BODY_BYTES, end - MAX_BODY_BYTES),
    ])
    expect(Buffer.concat([first, second]).equals(all.subarray(0, end))).toBe(true)
    expect(counters).toEqual({ reads: 2, writes: sizes.length, bytesIn: end, bytesOut: end })
  })

  test('of nothing are checked like any other', async () => {
    const { client } = await connect(handlers)
    await write(client, location(), 0, new Uint8Array())
    expect(await read(client, location(), 0, 0)).toHaveLength(0)
    await expect(write(client, location(0, 1, 'read'), 0, new Uint8Array())).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(read(client, location(), BLOCK_BYTES + 1, 0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test.each<[string, (client: ConnectionCore) => Promise<unknown>, string]>([
    ['a write with a proof for reading', client => write(client, location(0, 1, 'read'), 0, Buffer.alloc(50_000)), 'FORBIDDEN'],
    ['a write beyond the block', client => write(client, location(), BLOCK_BYTES - 10, Buffer.alloc(50_000)), 'INVALID_ARGUMENT'],
    [
      'a write with half a head',
      client => ask(client, catalogue.writeBlock, location().subarray(0, 20), Buffer.alloc(50_000)),
      'PROTOCOL_ERROR',
    ],
    ['a read with half a head', client => ask(client, catalogue.readBlock, location()), 'PROTOCOL_ERROR'],
    [
      'a read that brings bytes',
      client => ask(client, catalogue.readBlock, readHead(location(), 0, 1), Buffer.alloc(9)),
      'INVALID_ARGUMENT',
    ],
    ['a read of what was not written', client => read(client, location(), 0, 1), 'BLOCK_GONE'],
    ['a read over 1 MiB', client => read(client, location(), 0, MAX_BODY_BYTES + 1), 'INVALID_ARGUMENT'],
  ])('refuse %s, and the next operation works', async (_what, misuse, code) => {
    const { client } = await connect(handlers)
    await expect(misuse(client)).rejects.toMatchObject({ code })
    await write(client, location(), 0, Buffer.from('next'))
    expect((await read(client, location(), 0, 4)).toString()).toBe('next')
  })

  test('are UNAVAILABLE until the server is registered', async () => {
    blocks = undefined
    const { client } = await connect(handlers)
    await expect(write(client, location(), 0, Buffer.alloc(9))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(read(client, location(), 0, 9)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('are freed by the metadata server only', async () => {
    const { client, server } = await connect(handlers, { client: { handlers } })
    await write(client, location(), 0, Buffer.from('a'))
    await expect(client.request(catalogue.freeBlocks, { blocks: [[0, 1, 1]] })).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect((await read(client, location(), 0, 1)).toString()).toBe('a')
    // `server` greets as a metadata server.
    await server.request(catalogue.freeBlocks, { blocks: [[0, 1, 1]] })
    await expect(read(client, location(), 0, 1)).rejects.toMatchObject({ code: 'BLOCK_GONE' })
  })
})

describe('a write that is being received', () => {
  function half(): { setup: ReturnType<typeof rawSetup>; frame: Buffer } {
    const setup = rawSetup({ handlers })
    setup.peer.hello()
    const frame = encodeFrame(
      frameKind.request,
      catalogue.writeBlock.code,
      1,
      writeHead(location(), 0),
      Buffer.alloc(100_000, 'o'),
    )
    setup.peer.sendBytes(frame.subarray(0, 50_000))
    return { setup, frame }
  }

  test('ends in BLOCK_GONE where the block was given to another meanwhile, whose bytes it does not touch', async () => {
    const { setup, frame } = half()
    await rest()
    const { client } = await connect(handlers)
    await write(client, location(0, 2), 0, Buffer.alloc(100_000, 'n'))
    setup.peer.sendBytes(frame.subarray(50_000))
    const error = await setup.peer.frame('error')
    expect(JSON.parse(error.head.toString())).toMatchObject({ code: 'BLOCK_GONE' })
    expect((await read(client, location(0, 2), 0, 100_000)).equals(Buffer.alloc(100_000, 'n'))).toBe(true)
    setup.connection.close()
  })

  test('gives its memory back when its connection goes, and leaves nothing to read', async () => {
    const { setup } = half()
    await rest()
    const { place } = blocks!.beginWrite(Buffer.concat([location()]), 0, 1)
    expect(place.pins).toBe(2)
    setup.transport.sever()
    await rest()
    expect(place.pins).toBe(1)
    blocks!.unpin(place)
    const { client } = await connect(handlers)
    await expect(read(client, location(), 0, 10)).rejects.toMatchObject({ code: 'BLOCK_GONE' })
  })
})

describe('a read that is being sent', () => {
  test('keeps its bytes although the block is freed and used again, and is unpinned when it has left', async () => {
    const setup = rawSetup({ handlers })
    setup.peer.hello()
    const { client } = await connect(handlers)
    await write(client, location(), 0, Buffer.alloc(100_000, 'o'))
    await rest()
    setup.transport.hold()
    setup.peer.send('request', { operation: catalogue.readBlock.code, id: 1, head: readHead(location(), 0, 100_000) })
    await rest()
    blocks!.free(0, { epoch: 1, counter: 1 })
    for (let block = 0; block < 4; block++) await write(client, location(block, 2), 0, Buffer.alloc(100_000, 'n'))
    setup.transport.release()
    const { body } = await setup.peer.frame('response')
    expect(body.equals(Buffer.alloc(100_000, 'o'))).toBe(true)
    setup.connection.close()
  })

  test('is unpinned when its connection goes before it has left', async () => {
    const setup = rawSetup({ handlers })
    setup.peer.hello()
    const { client } = await connect(handlers)
    await write(client, location(), 0, Buffer.alloc(MAX_BODY_BYTES))
    await rest()
    setup.transport.hold()
    for (let i = 0; i < 8; i++) {
      setup.peer.send('request', {
        operation: catalogue.readBlock.code,
        id: 2 * i + 1,
        head: readHead(location(), 0, MAX_BODY_BYTES),
      })
    }
    await rest()
    const place = blocks!.beginRead(location(), 0, 1)
    expect(place.pins).toBe(9)
    setup.transport.sever()
    await rest()
    expect(place.pins).toBe(1)
    blocks!.unpin(place)
  })
})
