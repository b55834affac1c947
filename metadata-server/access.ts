/**
 * Who may ask this metadata server for what. Always holds: with a secret, whoever has proved nothing may ask for nothing but to
 * prove who it is.
 */
import type { AnswerOf, catalogue, HeadOf } from '../protocol/catalogue.ts'
import type { Randomness } from '../protocol/clock.ts'
import { fits, memberProof, metadataProof } from '../protocol/cluster-secret.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Connection, Hello, Principal } from '../protocol/peer.ts'
import { trusted } from '../protocol/principal.ts'

export interface AccessParts {
  readonly randomness: Randomness
  /** Of the cluster; without one everybody is taken at their word. */
  readonly secret: string | undefined
}

const NAMESPACE = 'default'
const NONCE_BYTES = 32

export class Access {
  readonly #parts: AccessParts
  /** Each is answered once. */
  readonly #challenges = new WeakMap<Connection, string>()

  constructor(parts: AccessParts) {
    this.#parts = parts
  }

  /** Undefined for a server that is still to prove that it has the secret. */
  admit(hello: Hello): Principal | undefined {
    const { role, namespace = NAMESPACE } = hello
    if (namespace !== NAMESPACE) {
      throw new GliderError('FORBIDDEN', `there is no namespace ${JSON.stringify(namespace)} for you here: use ${NAMESPACE}`)
    }
    return role !== 'client' && this.#parts.secret !== undefined ? undefined : trusted(hello)
  }

  challenge(connection: Connection): AnswerOf<typeof catalogue.challenge> {
    const nonce = this.#parts.randomness.bytes(NONCE_BYTES).toString('base64url')
    this.#challenges.set(connection, nonce)
    return { nonce }
  }

  /** @throws GliderError UNAUTHENTICATED, INVALID_ARGUMENT where there is no secret here */
  authenticate(head: HeadOf<typeof catalogue.authenticate>, connection: Connection): AnswerOf<typeof catalogue.authenticate> {
    const { secret } = this.#parts
    if (secret === undefined) {
      throw new GliderError(
        'INVALID_ARGUMENT',
        'this metadata server has no secret: give it the --cluster-secret-file of the others',
      )
    }
    const asked = this.#challenges.get(connection)
    this.#challenges.delete(connection)
    const { peer } = connection
    if (asked === undefined || peer.role === 'client' || peer.role === 'metadata') {
      throw new GliderError('UNAUTHENTICATED', 'only a server that has asked for a challenge can answer it')
    }
    const nonces = { asked, own: head.nonce }
    if (!fits(head.proof, memberProof(secret, peer, nonces))) {
      throw new GliderError(
        'UNAUTHENTICATED',
        `the ${peer.role} server does not have the secret of this cluster: give it the same --cluster-secret-file`,
      )
    }
    connection.principal = { kind: 'server' }
    return { proof: metadataProof(secret, peer, nonces) }
  }
}
