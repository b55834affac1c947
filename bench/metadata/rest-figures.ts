/** The REST face of the metadata server, under autocannon. */
import { fire } from '../http/fire.ts'
import type { Figure } from '../rounds.ts'
import type { Names } from './store-figures.ts'

/** @param address `http://host:port` of the metadata server */
export function restFigures(address: string, names: Pick<Names, 'files'>, requests: number, connections: number): Figure[] {
  let created = 0
  const figure = (name: string, body: () => unknown): Figure => ({
    name,
    amount: requests,
    async work() {
      await fire({ url: `${address}/v1/${name}`, requests, connections, body })
    },
  })
  return [
    figure('create', () => ({ path: `/rest/f${created++}`, type: 'file', parents: true })),
    figure('lookup', () => ({ path: names.files[0] })),
  ]
}
