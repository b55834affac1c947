import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import type { ConnectionContext } from '../protocol/connection.ts'
import { atLimit } from '../protocol/limits.ts'
import { WindowBudget } from '../protocol/window.ts'

/** Who is slower than this with a request is not waited for, and one that asks nothing more is let go. */
export const httpTimes = {
  requestTimeout: 60_000,
  keepAliveTimeout: 75_000,
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 2_000, maxHeaderSize: 16 << 10 },
} as const satisfies FastifyServerOptions & { readonly http: object }

/** Of what all connections may have buffered, so much is for the bodies of the HTTP face, which is slower to give it back. */
const HTTP_SHARE = 1 / 4

/**
 * Takes bodies of HTTP requests into the account of what is buffered, by what they say that they have, before they are received;
 * beyond the limit they are refused with BUSY.
 */
export function boundBodies(app: FastifyInstance, { budget, limits }: ConnectionContext): void {
  const bytes = limits.bufferBytes * HTTP_SHARE
  const bodies = new WindowBudget(bytes, budget, { bytes, refusal: () => atLimit('bufferBytes', limits) })
  app.addHook('onRequest', async (request, reply) => {
    if (request.method === 'GET') return
    const most = request.routeOptions.bodyLimit ?? 0
    const length = Number(request.headers['content-length'] ?? most)
    // What is over the limit of its route is refused by that.
    if (!(length <= most)) return
    bodies.check(length)
    bodies.takeInitial(length)
    reply.raw.once('close', () => bodies.give(length))
  })
}
