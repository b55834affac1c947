import { Agent, request } from 'undici'
import { GliderError } from '../client/index.ts'

/**
 * Asks servers on their HTTP face whether they are ready.
 * @throws GliderError UNAVAILABLE with the reasons of the first that is not
 */
export async function assertReady(addresses: readonly string[]): Promise<void> {
  // An agent of its own, so that nothing of it stays behind.
  const dispatcher = new Agent()
  try {
    await Promise.all(addresses.map(address => assertOneReady(address, dispatcher)))
  } finally {
    await dispatcher.close()
  }
}

async function assertOneReady(address: string, dispatcher: Agent): Promise<void> {
  const { statusCode, body } = await request(`http://${address}/readyz`, { dispatcher })
  const { reasons } = (await body.json()) as { readonly reasons: readonly string[] }
  if (statusCode === 200) return
  throw new GliderError('UNAVAILABLE', `the server at ${address} is not ready: ${reasons.join('; ')}`)
}
