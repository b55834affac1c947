import { expect, test } from 'vitest'
import { type ErrorCode, GliderError } from '../protocol/errors.ts'
import { FakeClock } from '../protocol/testing/fake-clock.ts'
import type { ClientContext } from './context.ts'
import { TransferCounters } from './counters.ts'
import { putValue } from './values.ts'

/** A metadata server that hands out claims, and refuses as many commits as it is told to. */
class Fakes {
  readonly clock = new FakeClock()
  readonly asked: string[] = []
  readonly refused: ErrorCode[]
  readonly context: ClientContext

  constructor(...refused: ErrorCode[]) {
    this.refused = refused
    const opened = { claim: 'c', path: '/f', blockBytes: 100, size: 0, first: 0, servers: {}, locations: [] }
    this.context = {
      counters: new TransferCounters(),
      inline: { bytes: -1 },
      connections: { context: { clock: this.clock }, ready: () => undefined },
      metadata: {
        exchange: async ({ name }: { name: string }) => {
          this.asked.push(name)
          return { head: opened, body: Buffer.alloc(0) }
        },
        request: async ({ name }: { name: string }) => {
          this.asked.push(name)
          const code = name === 'commit' ? this.refused.shift() : undefined
          if (code) throw new GliderError(code, '/f')
          return {}
        },
      },
    } as unknown as ClientContext
  }

  put(timeoutMs = 1000): Promise<string> {
    return putValue(this.context, { path: '/f' }, Buffer.alloc(0), {}, { timeoutMs }).then(
      () => 'done',
      (error: unknown) => GliderError.from(error).code,
    )
  }
}

test('a put whose place has changed since it was opened is done again', async () => {
  const fakes = new Fakes('NOT_FOUND', 'TYPE_MISMATCH')
  expect(await fakes.put()).toBe('done')
  const refused = ['openWrite', 'commit', 'release']
  expect(fakes.asked).toEqual([...refused, ...refused, 'openWrite', 'commit'])
})

test('a put that is refused for another reason is not, nor one whose time is over', async () => {
  for (const code of ['BUSY', 'NO_SPACE'] as const) {
    const fakes = new Fakes(code)
    expect(await fakes.put()).toBe(code)
    expect(fakes.asked).toEqual(['openWrite', 'commit', 'release'])
  }
  expect(await new Fakes('NOT_FOUND').put(0)).toBe('NOT_FOUND')
})
