import { describe, expect, it } from 'vitest'
import { codeOf } from '../support/failure.ts'
import { openDeployment } from './support/deployment.ts'
import { namesIn } from './support/tree.ts'

const deployment = openDeployment()

describe('an answer that is lost on its way', () => {
  it('comes again, and nothing is done twice', async () => {
    const base = await deployment.directory()
    const { store, proxy } = await deployment.throughProxy()
    const lose = async <T>(work: () => Promise<T>): Promise<T> => {
      const lost = proxy.loseNextAnswer()
      const answer = await work()
      await lost
      return answer
    }
    // Done twice, each of these would fail or answer something else.
    const file = await lose(() => store.create(`${base}/a`, 'file'))
    expect(file.path).toBe(`${base}/a`)
    await lose(() => store.rename(`${base}/a`, `${base}/b`))
    expect(await namesIn(store, base)).toEqual(['b'])
    await lose(() => store.put(`${base}/b`, 'once'))
    expect((await store.get(`${base}/b`)).toString()).toBe('once')
    expect(await lose(() => store.delete(`${base}/b`))).toBe(true)
    expect(await store.delete(`${base}/b`)).toBe(false)
    const replaced = await lose(() => store.create(`${base}/c`, 'file', { ifExists: 'replace' }))
    expect((await replaced.stat()).path).toBe(`${base}/c`)
    const table = await store.create(`${base}/table`, 'table')
    await lose(() => table.put('k', 'value'))
    expect(await lose(() => table.delete('k'))).toBe(true)
    const lease = await lose(() => store.lease(base, { ttlMs: 60_000 }))
    await lose(() => lease.renew())
    await lose(() => lease.release())
    const node = await store.create(`${base}/action`, 'action')
    await lose(() => node.create('std/Counter'))
    expect((await node.stat()).object?.state).toBe('live')
    expect(await lose(() => node.delete())).toBe(true)
  })

  it('is repeated where it told a failure as well, also when there would be none by now', async () => {
    const base = await deployment.directory()
    const { store, proxy } = await deployment.throughProxy()
    await store.put(`${base}/there`, 'x')
    const lost = proxy.loseNextAnswer()
    const failure = codeOf(store.create(`${base}/there`, 'file'))
    await lost
    await deployment.store.delete(`${base}/there`)
    expect(await failure).toBe('ALREADY_EXISTS')
    expect(await deployment.store.exists(`${base}/there`)).toBe(false)
  })

  it('to what only reads, or opens, is asked for again', async () => {
    const base = await deployment.directory()
    const { store, proxy } = await deployment.throughProxy()
    const bytes = Buffer.alloc(300_000, 'bytes')
    let lost = proxy.loseNextAnswer()
    await store.put(`${base}/x`, bytes)
    await lost
    lost = proxy.loseNextAnswer()
    expect((await store.get(`${base}/x`)).equals(bytes)).toBe(true)
    await lost
    lost = proxy.loseNextAnswer()
    expect(await namesIn(store, base)).toEqual(['x'])
    await lost
    // The claim that nobody got is not held.
    await deployment.store.put(`${base}/x`, 'free')
  })
})
