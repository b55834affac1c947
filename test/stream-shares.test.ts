/** The two halves of the quota of streams of actions: shares given by the metadata server, kept to by active servers. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StreamQuota } from '../active-server/stream-quota.ts'
import { StreamShares } from '../metadata-server/stream-shares.ts'
import { codeOf } from './support/failure.ts'

class Model {
  quota: number | undefined
  readonly servers: StreamQuota[] = []
  readonly #shares = new StreamShares<StreamQuota>(
    () => this.servers,
    () => this.quota,
  )

  constructor(quota: number, servers: number) {
    this.quota = quota
    for (let index = 0; index < servers; index += 1) this.join()
  }

  join(): void {
    const server = new StreamQuota()
    this.servers.push(server)
    this.beat(server)
  }

  /** @param isLost where the answer does not arrive */
  beat(server: StreamQuota, isLost = false): void {
    const most = this.#shares.of(server, server.report())
    if (!isLost) server.allow(most)
  }

  round(): void {
    for (const server of this.servers) this.beat(server)
  }

  get open(): number {
    return this.servers.reduce((sum, server) => sum + server.open, 0)
  }
}

function opens(server: StreamQuota): boolean {
  try {
    server.enter()
    return true
  } catch {
    return false
  }
}

describe('the quota of streams of actions', () => {
  test('is never exceeded, whichever servers come, open, close, report and lose answers', () => {
    const step = fc.record({
      what: fc.constantFrom('open', 'open', 'open', 'close', 'beat', 'beat', 'lost', 'join', 'leave'),
      at: fc.nat(20),
    })
    fc.assert(
      fc.property(fc.nat(12), fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 120 }), (quota, count, steps) => {
        const model = new Model(quota, count)
        for (const { what, at } of steps) {
          const server = model.servers[at % Math.max(1, model.servers.length)]
          if (what === 'join') model.join()
          else if (!server) continue
          else if (what === 'open') opens(server)
          else if (what === 'close' && server.open > 0) server.leave()
          else if (what === 'beat' || what === 'lost') model.beat(server, what === 'lost')
          else if (what === 'leave' && server.open === 0) model.servers.splice(model.servers.indexOf(server), 1)
          expect(model.open).toBeLessThanOrEqual(quota)
        }
      }),
    )
  })

  test('is all for the server that needs it, once the others have given away what they do not use', () => {
    const model = new Model(10, 4)
    for (let rounds = 0; rounds < 4; rounds += 1) model.round()
    const [busy] = model.servers
    let opened = 0
    for (let rounds = 0; rounds < 5; rounds += 1) {
      while (opens(busy!)) opened += 1
      model.round()
    }
    expect(opened).toBe(10)
  })

  test('is shared evenly by servers that all need it, and those that would get nothing get their turn', () => {
    const model = new Model(2, 3)
    for (let rounds = 0; rounds < 10; rounds += 1) {
      for (const server of model.servers) opens(server)
      model.round()
    }
    expect(model.open).toBe(2)
    const last = model.servers[2]!
    for (const server of model.servers) while (server.open > 0) server.leave()
    for (let rounds = 0; rounds < 5 && last.open === 0; rounds += 1) {
      opens(last)
      model.round()
    }
    expect(last.open).toBe(1)
  })

  test('that is made smaller holds as soon as streams have ended, and without one there is no limit', async () => {
    const model = new Model(4, 1)
    const [server] = model.servers
    while (opens(server!));
    model.quota = 2
    model.round()
    server!.leave()
    expect(await codeOf((async () => server!.enter())())).toBe('QUOTA_EXCEEDED')
    server!.leave()
    expect(opens(server!)).toBe(false)
    server!.leave()
    expect(opens(server!)).toBe(true)
    model.quota = undefined
    model.round()
    for (let count = 0; count < 100; count += 1) expect(opens(server!)).toBe(true)
  })
})
