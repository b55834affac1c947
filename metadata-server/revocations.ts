/**
 * Tells storage and active servers which tokens were taken back. Always holds: a server that is connected has been told of each by the
 * time that it is said to be taken back, or has lost its connection; and one that connects (again) is told of all.
 */
import { catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { NO_TOKEN } from '../protocol/grant.ts'
import type { Connection } from '../protocol/peer.ts'
import type { Log } from '../server/log.ts'
import type { NamespaceRecord } from './namespace-record.ts'
import type { ServerRecord } from './servers.ts'

const ANSWER_TIMEOUT_MS = 2_000
/** So many fit well into the head of one frame. */
const BATCH = 1000

type Told = Pick<NamespaceRecord, 'number' | 'token'>

export class Revocations {
  readonly #log: Log
  readonly #servers: () => Iterable<ServerRecord>
  readonly #telling = new Set<Promise<void>>()

  /** @param servers those that there are now */
  constructor(log: Log, servers: () => Iterable<ServerRecord>) {
    this.#log = log
    this.#servers = servers
  }

  /** Of this namespace, what was given out by earlier tokens counts no more. */
  tell(namespace: Told): void {
    for (const server of this.#servers()) if (server.connection) this.#tell(server, server.connection, [namespace])
  }

  /** The server has just connected. */
  tellAll(server: ServerRecord, namespaces: Iterable<Told>): void {
    const all = [...namespaces].filter(({ token }) => token !== NO_TOKEN)
    for (let at = 0; at < all.length; at += BATCH) {
      if (server.connection) this.#tell(server, server.connection, all.slice(at, at + BATCH))
    }
  }

  /** Resolves once everybody was told who can be. */
  async settled(): Promise<void> {
    await Promise.all(this.#telling)
  }

  #tell(server: ServerRecord, connection: Connection, namespaces: readonly Told[]): void {
    const least = namespaces.map(({ number, token }): [number, number] => [number, token])
    const telling = connection.request(catalogue.revokeTokens, { least }, { timeoutMs: ANSWER_TIMEOUT_MS }).then(
      () => {},
      (thrown: unknown) => {
        const error = GliderError.from(thrown)
        if (connection.closed) return
        this.#log.warn({ server: server.id, error }, 'could not tell a server which tokens were taken back: it is to come anew')
        connection.close(error)
      },
    )
    this.#telling.add(telling)
    void telling.then(() => this.#telling.delete(telling))
  }
}
