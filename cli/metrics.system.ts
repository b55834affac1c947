import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

/** What one server tells of itself: samples by their names with labels, as they stand there. Undefined where it does not answer. */
export type Samples = ReadonlyMap<string, number>

const ANSWER_MS = 2_000

export async function fetchMetrics(url: URL, ca: string | undefined, signal: AbortSignal): Promise<Samples | undefined> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)])
    const page = await new Promise<string>((resolve, reject) => {
      const options = { signal: limit, agent: false, ...(ca !== undefined && { ca }) }
      const answered = (response: http.IncomingMessage): void => {
        text(response).then(resolve, reject)
      }
      const request = url.protocol === 'https:' ? https.get(url, options, answered) : http.get(url, options, answered)
      request.on('error', reject)
    })
    return parseSamples(page)
  } catch {
    return undefined
  }
}

export function parseSamples(page: string): Samples {
  const samples = new Map<string, number>()
  for (const [, name, value] of page.matchAll(/^(\w+(?:\{.*\})?) (\S+)$/gm)) samples.set(name!, Number(value))
  return samples
}

/** Resolves after so long, or once the signal fires. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => {})
}
