import { expect, it } from 'vitest'
import { GliderError } from '../protocol/errors.ts'
import { FakeClock } from '../protocol/testing/fake-clock.ts'
import { callAction, openActionRead, openActionWrite, writeActionWhole } from './action-link.ts'
import { ActionLinks } from './action-links.ts'
import type { ClientContext } from './context.ts'
import { TransferCounters } from './counters.ts'
import { ClientTracing } from './tracing.ts'

const target = { node: 1, path: '/a' }

/** A client whose metadata server names one place after the other, and whose active server has an object at the last of them alone. */
function setUp(places: readonly (string | GliderError)[], right: string) {
  const clock = new FakeClock()
  const asked: string[] = []
  const left = [...places]
  const connection = {
    usable: true,
    request: (_: unknown, { location }: { location: string }) => {
      asked.push(location)
      return location === right
        ? Promise.resolve({ body: Buffer.from('7') })
        : Promise.reject(new GliderError('BLOCK_GONE', 'the slot has been freed'))
    },
  }
  const context = {
    origin: () => ({}),
    links: new ActionLinks(),
    counters: new TransferCounters(),
    connections: { ready: () => connection, context: { clock } },
    metadata: {
      request: () => {
        const place = left.length > 1 ? left.shift()! : left[0]!
        return place instanceof GliderError
          ? Promise.reject(place)
          : Promise.resolve({ location: place, address: 'here:1', path: '/a' })
      },
    },
  } as unknown as ClientContext
  return { asked, clock, call: () => callAction(context, target, 'name', undefined, {}) }
}

it('takes another way at once where the object was made anew between being asked for and being used', async () => {
  const { call, asked } = setUp(['old', 'new'], 'new')
  expect(await call()).toBe(7)
  expect(await call()).toBe(7)
  expect(asked).toEqual(['old', 'new', 'new'])
})

it('asks on where the metadata server has not heard yet that an object is lost, and says what it hears then', async () => {
  const lost = new GliderError('ACTION_LOST', 'the object of /a is lost')
  const { call, asked, clock } = setUp(['here', 'here', 'here', lost], '')
  const called = call()
  void called.catch(() => {})
  while (asked.length < 2) await Promise.resolve()
  for (let turn = 0; turn < 20; turn++) {
    await Promise.resolve()
    clock.advance(50)
  }
  await expect(called).rejects.toBe(lost)
})

it('gives up in the end, and says that it may be tried again', async () => {
  const { call, clock } = setUp(['here'], '')
  const called = call()
  void called.catch(() => {})
  for (let turn = 0; turn < 2_000; turn++) {
    await Promise.resolve()
    clock.advance(50)
  }
  await expect(called).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

/** The heads of each kind of operation on one action, as they are sent. */
async function headsOf(operationIds: boolean): Promise<unknown[]> {
  const heads: unknown[] = []
  const locationBytes = Buffer.alloc(8, 1)
  const connection = {
    usable: true,
    request: (_: unknown, head: object) => {
      heads.push(head)
      return Promise.resolve({ body: Buffer.from('7') })
    },
    open: (_: unknown, head: object) => {
      heads.push(head)
      return { confirmed: () => Promise.resolve() }
    },
    requestRaw: (_: unknown, head: Buffer, _bytes: Uint8Array, pending: { answered(): void }) => {
      heads.push(head)
      pending.answered()
      return 1
    },
  }
  const origin = (): object => ({})
  const links = new ActionLinks()
  const link = { connection, location: 'here', locationBytes }
  await links.ask(target.node, () => Promise.resolve(link as never))
  const tracing = ClientTracing.of({ ids: operationIds, clientId: 'abcdefghijkl', namespace: undefined, origin }, false)
  const connections = { context: { clock: new FakeClock() } }
  const context = { origin, tracing, links, counters: new TransferCounters(), connections } as unknown as ClientContext
  const followed = () => tracing?.begin('x', target.path)
  await callAction(context, target, 'name', undefined, {})
  await openActionRead(context, target, {}, followed())
  await openActionWrite(context, target, {}, followed())
  await writeActionWhole(context, target, Buffer.from('x'), {}, followed()).done
  return heads.map(head => (Buffer.isBuffer(head) ? head.subarray(head === locationBytes ? 0 : 8).toString('latin1') : head))
}

it('says nothing of operations where nobody has asked for ids: a whole stream has its location alone as its head', async () => {
  expect(await headsOf(false)).toEqual([
    { location: 'here', name: 'name' },
    { location: 'here', confirm: true },
    { location: 'here', confirm: true },
    '\x01'.repeat(8),
  ])
})

it('sends the id of each operation along where it has one', async () => {
  expect(await headsOf(true)).toEqual([
    { location: 'here', name: 'name', operation: 'abcdefgh-1' },
    { location: 'here', confirm: true, operation: 'abcdefgh-2' },
    { location: 'here', confirm: true, operation: 'abcdefgh-3' },
    '{"operation":"abcdefgh-4"}',
  ])
})
