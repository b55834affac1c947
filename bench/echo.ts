/** The baseline: an operation that does nothing, over the class of connection that all others use, and without the SDK. */
import { catalogue } from '../protocol/catalogue.ts'
import { systemClock } from '../protocol/clock.system.ts'
import { ConnectionCore, connectionContext } from '../protocol/connection.ts'
import { dial } from '../protocol/dial.system.ts'

export class EchoClient {
  readonly #connection: ConnectionCore

  private constructor(connection: ConnectionCore) {
    this.#connection = connection
  }

  /** @param address host:port of a metadata server */
  static async connect(address: string): Promise<EchoClient> {
    return new EchoClient(await connectTo(address))
  }

  echo(path: string): Promise<unknown> {
    return this.#connection.request(catalogue.echo, { path })
  }

  close(): void {
    this.#connection.close()
  }
}

/** A bare connection, as the SDK makes them. */
export async function connectTo(address: string): Promise<ConnectionCore> {
  const transport = await dial(address)
  const hello = { role: 'client', clientId: `bench-${process.pid}` } as const
  return new ConnectionCore(connectionContext(systemClock), { transport, side: 'dialled', hello }).start()
}
