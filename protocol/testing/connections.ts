import { type ConnectionContext, ConnectionCore, type ConnectionOptions, connectionContext } from '../connection.ts'
import type { HandlerTable } from '../handlers.ts'
import { FakeClock } from './fake-clock.ts'
import { type MemoryTransport, type MemoryTransportOptions, transportPair } from './memory-transport.ts'
import { RawPeer } from './raw-peer.ts'

export interface RawSetup {
  readonly clock: FakeClock
  readonly context: ConnectionContext
  readonly connection: ConnectionCore
  /** The end of `connection`. */
  readonly transport: MemoryTransport
  readonly peer: RawPeer
  /** Settles as `connection.start()` does. */
  readonly started: Promise<unknown>
}

/** A connection whose other side is driven frame by frame. */
export function rawSetup(
  options: Partial<ConnectionOptions> & { readonly transportOptions?: MemoryTransportOptions } = {},
): RawSetup {
  const clock = new FakeClock()
  const context = connectionContext(clock)
  const [transport, other] = transportPair(options.transportOptions, {})
  const hello = { role: 'metadata', clientId: 'core' } as const
  const connection = new ConnectionCore(context, { side: 'accepted', hello, ...options, transport })
  const started = connection.start()
  // A test that is about something else does not look at it.
  started.catch(() => undefined)
  return { clock, context, connection, transport, peer: new RawPeer(other), started }
}

export interface Connected {
  readonly clock: FakeClock
  readonly client: ConnectionCore
  readonly server: ConnectionCore
  readonly clientTransport: MemoryTransport
  readonly serverTransport: MemoryTransport
}

/** Two connections that have greeted each other; each side has a process of its own, as far as memory goes. */
export async function connect(
  handlers: HandlerTable,
  options: {
    readonly client?: Partial<ConnectionOptions>
    readonly clientTransport?: MemoryTransportOptions
    readonly serverTransport?: MemoryTransportOptions
  } = {},
): Promise<Connected> {
  const clock = new FakeClock()
  const [clientTransport, serverTransport] = transportPair(options.clientTransport, options.serverTransport)
  const client = new ConnectionCore(connectionContext(clock), {
    side: 'dialled',
    hello: { role: 'client', clientId: 'client' },
    ...options.client,
    transport: clientTransport,
  })
  const server = new ConnectionCore(connectionContext(clock), {
    side: 'accepted',
    hello: { role: 'metadata', clientId: 'server' },
    handlers,
    transport: serverTransport,
  })
  await Promise.all([client.start(), server.start()])
  return { clock, client, server, clientTransport, serverTransport }
}
