/** The REST face of the metadata server, under autocannon. */
import autocannon from 'autocannon'
import type { Figure } from '../rounds.ts'
import type { Names } from './store-figures.ts'

/** Only so often autocannon looks whether it has done all that it was to do. */
const SAMPLE_MS = 5

/** @param address `http://host:port` of the metadata server */
export function restFigures(address: string, names: Names, operations: number, connections: number): Figure[] {
  let created = 0
  const figure = (name: string, body: () => unknown): Figure => ({
    name,
    amount: operations,
    work: () => fire(`${address}/v1/${name}`, operations, connections, body),
  })
  return [
    figure('create', () => ({ path: `/rest/f${created++}`, type: 'file', parents: true })),
    figure('lookup', () => ({ path: names.files[0] })),
  ]
}

async function fire(url: string, amount: number, connections: number, body: () => unknown): Promise<void> {
  const setupRequest = (request: autocannon.Request): autocannon.Request => ({ ...request, body: JSON.stringify(body()) })
  const headers = { 'content-type': 'application/json' }
  const requests = [{ setupRequest }]
  const result = await autocannon({ url, amount, connections, sampleInt: SAMPLE_MS, method: 'POST', headers, requests })
  const failed = result.non2xx + result.errors + result.timeouts
  if (failed > 0) throw new Error(`${failed} of ${amount} requests to ${url} failed`)
}
