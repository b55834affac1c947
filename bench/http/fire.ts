/** Requests by autocannon, so many of them over so many connections. */
import autocannon from 'autocannon'

/** Only so often autocannon looks whether it has done all that it was to do. */
const SAMPLE_MS = 5

export interface Load {
  readonly url: string
  readonly requests: number
  readonly connections: number
  /** Of each request, as JSON; a GET without one. */
  readonly body?: (() => unknown) | undefined
}

/** Answers the latency in milliseconds that 99 of 100 requests stayed within. */
export async function fire({ url, requests: amount, connections, body }: Load): Promise<number> {
  const options = { url, amount, connections: Math.min(connections, amount), sampleInt: SAMPLE_MS }
  const result = await autocannon(body ? { ...options, ...posting(body) } : options)
  const failed = result.non2xx + result.errors + result.timeouts
  if (failed > 0) throw new Error(`${failed} of ${amount} requests to ${url} failed`)
  return result.latency.p99
}

function posting(body: () => unknown): Pick<autocannon.Options, 'method' | 'headers' | 'requests'> {
  const setupRequest = (request: autocannon.Request): autocannon.Request => ({ ...request, body: JSON.stringify(body()) })
  return { method: 'POST', headers: { 'content-type': 'application/json' }, requests: [{ setupRequest }] }
}
