import { expect, test } from 'vitest'
import { GliderError } from '../protocol/errors.ts'
import { noGrant } from '../protocol/grant.ts'
import { encodeLocation, sign } from '../protocol/location.ts'
import type { BlockRef } from './block-io.ts'
import { ClaimBlocks } from './claim-blocks.ts'
import type { ClientContext } from './context.ts'

const servers = { 'server-aaaaa': 'a:1', 'server-bbbbb': 'b:1' }
const bytes = Buffer.alloc(10)

function at(incarnation: keyof typeof servers, block: number): string {
  const unsigned = { incarnation, block, generation: { epoch: 1, counter: block }, purpose: 'write', grant: noGrant } as const
  return encodeLocation(sign(unsigned, Buffer.alloc(32))).toString('base64url')
}

interface Write {
  readonly address: string
  readonly offset: number
  readonly check: () => Promise<unknown>
  done(): void
  fail(error: unknown): void
}

/** Storage and metadata servers turned by hand: each write waits to be answered, `replaceBlock` to be released. */
class Fakes {
  readonly writes: Write[] = []
  readonly asked: string[] = []
  /** What `replaceBlock` answers. */
  replacement: Promise<string> | string = at('server-bbbbb', 7)
  isDead = false
  readonly blocks: ClaimBlocks

  constructor() {
    const context = {
      blocks: {
        write: ({ address }: BlockRef, offset: number, _bytes: Buffer, _options: object, check: () => Promise<unknown>) =>
          new Promise<void>((done, fail) => this.writes.push({ address, offset, check, done, fail })),
      },
      metadata: { request: ({ name }: { name: string }) => this.#ask(name) },
      connections: { ready: () => ({ peer: { clientId: 'server-aaaaa' }, onClose: () => () => {} }) },
    }
    const opened = { claim: 'c', path: '/f', blockBytes: 100, size: 0, first: 0, servers, locations: [at('server-aaaaa', 1)] }
    this.blocks = new ClaimBlocks(context as unknown as ClientContext, opened, 0)
  }

  async #ask(name: string): Promise<unknown> {
    this.asked.push(name)
    if (name === 'replaceBlock') return { locations: [await this.replacement], servers }
    if (name === 'extend') throw new GliderError('NO_SPACE', 'full')
    if (this.isDead) throw new GliderError('DATA_LOST', '/f: the server is gone')
    return { locations: [at('server-aaaaa', 1)], servers }
  }

  /** What block-io does when the server cannot be reached: it asks whether to go on, and gives up where that throws. */
  async unreachable(write: Write): Promise<void> {
    try {
      await write.check()
    } catch (error) {
      write.fail(error)
      await turns()
    }
  }

  get replaced(): number {
    return this.asked.filter(name => name === 'replaceBlock').length
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

test('writes of a block that nobody acknowledged go to another server, which is asked for once', async () => {
  const fakes = new Fakes()
  const both = Promise.all([fakes.blocks.write(0, 0, bytes, {}), fakes.blocks.write(0, 50, bytes, {})])
  const [first, second] = fakes.writes
  await Promise.all([fakes.unreachable(first!), fakes.unreachable(second!)])
  expect(fakes.writes.slice(2).map(({ address, offset }) => [address, offset])).toEqual([
    ['b:1', 0],
    ['b:1', 50],
  ])
  for (const write of fakes.writes.slice(2)) write.done()
  await both
  expect(fakes.replaced).toBe(1)
})

test('while its server may still be reached the block stays', async () => {
  const fakes = new Fakes()
  fakes.replacement = at('server-aaaaa', 1)
  const writing = fakes.blocks.write(0, 0, bytes, {})
  await fakes.unreachable(fakes.writes[0]!)
  expect(fakes.writes).toHaveLength(1)
  fakes.writes[0]!.done()
  await writing
})

test('bytes that are acknowledged while their block is exchanged are written again to the new one', async () => {
  const fakes = new Fakes()
  let answer = (_location: string): void => {}
  fakes.replacement = new Promise(resolve => {
    answer = resolve
  })
  const acknowledged = fakes.blocks.write(0, 0, bytes, {})
  const failing = fakes.blocks.write(0, 50, bytes, {})
  const asking = fakes.unreachable(fakes.writes[1]!)
  await turns()
  fakes.writes[0]!.done()
  await turns()
  answer(at('server-bbbbb', 7))
  await asking
  await turns()
  const again = fakes.writes.slice(2)
  expect(new Set(again.map(({ address, offset }) => `${address} ${offset}`))).toEqual(new Set(['b:1 0', 'b:1 50']))
  for (const write of again) write.done()
  await Promise.all([acknowledged, failing])
})

test('a block with acknowledged bytes is never exchanged: its death is DATA_LOST', async () => {
  const fakes = new Fakes()
  const first = fakes.blocks.write(0, 0, bytes, {})
  fakes.writes[0]!.done()
  await first
  const second = fakes.blocks.write(0, 50, bytes, {})
  // It fails while nobody waits for it yet.
  second.catch(() => undefined)
  await fakes.unreachable(fakes.writes[1]!)
  // Until somebody has decided that, it is tried again.
  expect(fakes.writes).toHaveLength(2)
  fakes.isDead = true
  await fakes.unreachable(fakes.writes[1]!)
  await expect(second).rejects.toMatchObject({ code: 'DATA_LOST' })
  expect(fakes.replaced).toBe(0)
})

test('a server that came back empty refuses the old location, and the block goes elsewhere', async () => {
  const fakes = new Fakes()
  const writing = fakes.blocks.write(0, 0, bytes, {})
  fakes.writes[0]!.fail(new GliderError('BLOCK_GONE', 'gone'))
  await turns()
  expect(fakes.writes[1]!.address).toBe('b:1')
  fakes.writes[1]!.done()
  await writing
})
