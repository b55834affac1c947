import { type ConnectionContext, ConnectionCore } from '../protocol/connection.ts'
import type { DialOptions } from '../protocol/dial.system.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Hello } from '../protocol/peer.ts'
import type { Transport } from '../protocol/transport.ts'

/** Makes the way to a server. */
export type Dial = (address: string, options: DialOptions) => Promise<Transport>

/** The connections of one client: one to each server, made when first needed and made anew after they have gone. */
export class Connections {
  readonly context: ConnectionContext
  readonly #hello: Pick<Hello, 'role' | 'clientId' | 'namespace' | 'token'>
  readonly #helloToOthers: Pick<Hello, 'role' | 'clientId' | 'namespace'>
  readonly #how: Pick<DialOptions, 'webSocket' | 'tls'>
  /** Address of the metadata server: nobody else is shown the token. */
  readonly #metadata: string
  readonly #dialServer: Dial
  readonly #ready = new Map<string, ConnectionCore>()
  readonly #dialling = new Map<string, Promise<ConnectionCore>>()
  /** Fires when this client is closed: whoever is being dialled is not waited for. */
  readonly #abort = new AbortController()

  constructor(
    context: ConnectionContext,
    hello: Pick<Hello, 'role' | 'clientId' | 'namespace' | 'token'>,
    metadata: string,
    { webSocket, tls }: Pick<DialOptions, 'webSocket' | 'tls'>,
    dial: Dial,
  ) {
    this.context = context
    this.#hello = hello
    const { role, clientId, namespace } = hello
    this.#helloToOthers = { role, clientId, ...(namespace !== undefined && { namespace }) }
    this.#how = { webSocket: webSocket ?? false, tls }
    this.#metadata = metadata
    this.#dialServer = dial
  }

  get closed(): boolean {
    return this.#abort.signal.aborted
  }

  /** The connection to a server, if it is there already. */
  ready(address: string): ConnectionCore | undefined {
    const connection = this.#ready.get(address)
    return connection?.usable ? connection : undefined
  }

  /** @throws GliderError UNAVAILABLE where the server does not answer, or this client has been closed */
  async get(address: string): Promise<ConnectionCore> {
    if (this.closed) throw closedError()
    const ready = this.ready(address)
    if (ready) return ready
    let dialling = this.#dialling.get(address)
    if (!dialling) {
      dialling = this.#dial(address).finally(() => this.#dialling.delete(address))
      this.#dialling.set(address, dialling)
    }
    return dialling
  }

  async #dial(address: string): Promise<ConnectionCore> {
    const { signal } = this.#abort
    const transport = await this.#dialServer(address, { ...this.#how, signal }).catch((error: unknown) => {
      throw signal.aborted ? closedError() : error
    })
    const hello = address === this.#metadata ? this.#hello : this.#helloToOthers
    const connection = new ConnectionCore(this.context, { transport, side: 'dialled', hello })
    const onClosed = (): void => connection.close(closedError())
    if (signal.aborted) onClosed()
    signal.addEventListener('abort', onClosed)
    try {
      await connection.start()
    } finally {
      signal.removeEventListener('abort', onClosed)
    }
    this.#ready.set(address, connection)
    connection.onClose(() => {
      if (this.#ready.get(address) === connection) this.#ready.delete(address)
    })
    return connection
  }

  async close(): Promise<void> {
    this.#abort.abort()
    // What is under way there may have been done, or may yet be.
    const closeReady = (): void => {
      for (const connection of [...this.#ready.values()]) connection.close(closedError('unknown'))
    }
    closeReady()
    await Promise.allSettled(this.#dialling.values())
    closeReady()
  }
}

function closedError(outcome?: 'unknown'): GliderError {
  return new GliderError('UNAVAILABLE', 'this StoreClient has been closed: connect another one', outcome && { outcome })
}
