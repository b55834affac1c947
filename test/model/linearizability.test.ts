/**
 * Random programs of several clients, really at the same time: every history has to be linearizable. `GLIDER_MODEL_HISTORIES` sets
 * how many there are. Which calls overlap differs from run to run, so that a failing plan does not have to fail again; the history
 * that it is about is printed whole.
 */
import fc from 'fast-check'
import type { StoreClient } from 'glider'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { deleteAll, itLeavesNothing, shareCluster } from '../support/shared-cluster.ts'
import { type Call, carryOut, describeHistory, type Event, explained, plan, type State } from './history.test.helper.ts'
import { NamespaceModel } from './namespace-model.test.helper.ts'
import { type Outcome, pieceOf } from './sequence.test.helper.ts'

const runs = Number(process.env['GLIDER_MODEL_HISTORIES'] ?? 800)
const shared = shareCluster({ storageServers: 2, activeServers: 0, capacity: '8MiB', blockSize: '8KiB' })
let clients: StoreClient[]
beforeAll(async () => {
  clients = await Promise.all(Array.from({ length: 4 }, () => shared.connect()))
})

describe('the check of a history', () => {
  const namespace = new NamespaceModel()
  const table = namespace.create('/t', 'table')
  const state: State = { namespace, table }
  const put = (piece: number, size = 10): Call => ({ do: 'put', path: '/f', parents: false, size, piece })
  const get: Call = { do: 'get', path: '/f' }
  const create: Call = { do: 'create', path: '/f', type: 'file', options: {} }
  const fine: Outcome<undefined> = { value: undefined }
  const gave = (piece: number): Outcome<string> => ({ value: pieceOf(piece, 10) })
  const event = (client: number, invoked: number, answered: number, call: Call, outcome: Outcome<unknown>): Event => ({
    client,
    invoked,
    answered,
    call,
    outcome,
  })

  it('accepts what happened one after the other, and tells the order', () => {
    const history = [event(0, 0, 1, put(1), fine), event(1, 2, 3, put(2), fine), event(0, 4, 5, get, gave(2))]
    expect(explained(state, history)).toEqual(history)
  })

  it('accepts either value of a get that overlaps a put, in whatever order the answers came', () => {
    for (const seen of [1, 2]) {
      const history = [event(0, 0, 1, put(1), fine), event(0, 2, 5, put(2), fine), event(1, 3, 4, get, gave(seen))]
      expect(explained(state, history)?.map(({ invoked }) => invoked)).toEqual(seen === 2 ? [0, 2, 3] : [0, 3, 2])
    }
  })

  it('refuses a get of what had been replaced before it was asked', () => {
    const history = [event(0, 0, 1, put(1), fine), event(0, 2, 3, put(2), fine), event(1, 4, 5, get, gave(1))]
    expect(explained(state, history)).toBeUndefined()
  })

  it('refuses a new value and then the old one, though each by itself overlaps the put', () => {
    const history = [
      event(0, 0, 1, put(1), fine),
      event(0, 2, 7, put(2), fine),
      event(1, 3, 4, get, gave(2)),
      event(2, 5, 6, get, gave(1)),
    ]
    expect(explained(state, history)).toBeUndefined()
  })

  it('refuses two creations of one name, and accepts one that found it taken', () => {
    const first = event(0, 0, 3, create, fine)
    expect(explained(state, [first, event(1, 1, 2, create, fine)])).toBeUndefined()
    expect(explained(state, [first, event(1, 1, 2, create, { code: 'ALREADY_EXISTS' })])).toBeDefined()
  })

  it('refuses a name that is at two places at once', () => {
    const rename: Call = { do: 'rename', path: '/f', to: '/g' }
    const there = (path: string): Call => ({ do: 'exists', path })
    const history = (atOld: boolean): Event[] => [
      event(0, 0, 1, put(1), fine),
      event(0, 2, 7, rename, fine),
      event(1, 3, 4, there('/g'), { value: true }),
      event(1, 5, 6, there('/f'), { value: atOld }),
    ]
    expect(explained(state, history(false))).toBeDefined()
    expect(explained(state, history(true))).toBeUndefined()
  })

  it('accepts BUSY only beside a put that had the claim', () => {
    const busy: Outcome<never> = { code: 'BUSY' }
    const large = 5000
    expect(explained(state, [event(0, 0, 3, put(1, large), fine), event(1, 1, 2, put(2), busy)])).toBeDefined()
    expect(explained(state, [event(0, 0, 1, put(1, large), fine), event(1, 2, 3, put(2), busy)])).toBeUndefined()
    expect(explained(state, [event(0, 0, 3, put(1), fine), event(1, 1, 2, put(2), busy)])).toBeUndefined()
    expect(explained(state, [event(0, 0, 3, put(1, large), busy), event(1, 1, 2, put(2, large), busy)])).toBeUndefined()
    const chain = [event(0, 0, 5, put(1, large), busy), event(1, 1, 2, put(2), busy), event(2, 3, 4, put(3, large), fine)]
    expect(explained(state, chain)).toBeDefined()
  })
})

test(
  'what up to four clients do at the same time is as if it were done one after the other',
  async () => {
    let histories = 0
    await fc.assert(
      fc.asyncProperty(fc.noBias(plan), async plan => {
        const [state, history] = await carryOut(clients, `/h${histories++}`, plan)
        await deleteAll(shared.store)
        if (!explained(state, history)) throw new Error(`there is no order that explains\n${describeHistory(history)}`)
      }),
      { numRuns: runs },
    )
  },
  Math.max(60_000, runs * 150),
)

itLeavesNothing(shared)
