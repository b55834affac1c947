import { readFile } from 'node:fs/promises'
import { Agent, request } from 'undici'
import { GliderError } from '../client/index.ts'

/**
 * Asks servers on their HTTP face whether they are ready.
 * @param ca file with the authority of their certificates, where they speak TLS
 * @throws GliderError UNAVAILABLE with the reasons of the first that is not
 */
export async function assertReady(addresses: readonly string[], ca?: string): Promise<void> {
  // An agent of its own, so that nothing of it stays behind.
  const dispatcher = new Agent(ca === undefined ? {} : { connect: { ca: await readFile(ca) } })
  const scheme = ca === undefined ? 'http' : 'https'
  try {
    await Promise.all(addresses.map(address => assertOneReady(scheme, address, dispatcher)))
  } finally {
    await dispatcher.close()
  }
}

async function assertOneReady(scheme: string, address: string, dispatcher: Agent): Promise<void> {
  const { statusCode, body } = await request(`${scheme}://${address}/readyz`, { dispatcher })
  const { reasons } = (await body.json()) as { readonly reasons: readonly string[] }
  if (statusCode === 200) return
  throw new GliderError('UNAVAILABLE', `the server at ${address} is not ready: ${reasons.join('; ')}`)
}
