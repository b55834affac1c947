/**
 * Who may ask this metadata server for what. Always holds: with a secret, whoever has proved nothing may ask for nothing but to
 * prove who it is.
 */
import type { AnswerOf, catalogue, HeadOf } from '../protocol/catalogue.ts'
import type { Clock, Randomness } from '../protocol/clock.ts'
import { fits, memberProof, metadataProof } from '../protocol/cluster-secret.ts'
import { GliderError } from '../protocol/errors.ts'
import { type Grant, NO_TOKEN, noGrant } from '../protocol/grant.ts'
import type { Operation } from '../protocol/operation.ts'
import type { Call, Connection, Hello, Principal, ProvedServer } from '../protocol/peer.ts'
import { refusalOf, trusted } from '../protocol/principal.ts'
import { remedies } from '../protocol/remedies.ts'
import { type Caller, callerOf, restCaller } from './caller.ts'
import type { Namespace } from './namespace.ts'
import { hashToken, type Namespaces } from './namespaces.ts'
import type { ServerRecord } from './servers.ts'

export interface AccessParts {
  readonly clock: Clock
  readonly randomness: Randomness
  /** Of the cluster; without one everybody is taken at their word. */
  readonly secret: string | undefined
  /** By which operators come, where there is a secret. */
  readonly adminToken: string | undefined
  readonly namespaces: Namespaces
  /** The namespace of the active server whose actions have the token with this hash. */
  readonly namespaceOfActions: (tokenHash: string) => string | undefined
}

/** A client, with the namespace that it has entered. */
class Visitor implements Principal {
  readonly kind: 'tenant' | 'operator'
  readonly namespace: Namespace
  readonly grant: Grant

  /** @param token of the namespace that it has come by; {@link NO_TOKEN} where none can be taken back */
  constructor(kind: 'tenant' | 'operator', namespace: Namespace, token: number) {
    this.kind = kind
    this.namespace = namespace
    this.grant = { namespace: namespace.record.number, token }
  }
}

const NONCE_BYTES = 32
/** As long as anybody has for a hello. */
const PROOF_TIMEOUT_MS = 10_000

export class Access {
  readonly #parts: AccessParts
  readonly #adminHash: string | undefined
  /** Each is answered once. */
  readonly #challenges = new WeakMap<Connection, string>()
  /** Of actions, by the hash of their token. */
  readonly #ofActions = new Map<string, Set<Connection>>()

  constructor(parts: AccessParts) {
    this.#parts = parts
    this.#adminHash = parts.adminToken === undefined ? undefined : hashToken(parts.adminToken)
  }

  /** @throws GliderError INVALID_ARGUMENT where nobody is asked for a token */
  checkTokens(): void {
    if (this.#parts.secret !== undefined) return
    const remedy = 'start all servers with --cluster-secret-file, and the metadata server with --admin-token-file'
    throw new GliderError('INVALID_ARGUMENT', `without a secret everybody is in the namespace default: ${remedy}`)
  }

  /** Undefined for a server that is still to prove that it has the secret. */
  admit(hello: Hello, connection: Connection): Principal | undefined {
    if (hello.role !== 'client') return this.#parts.secret === undefined ? trusted(hello) : this.#awaitProof(connection)
    const visitor = this.#visitor(hello.token, hello.namespace)
    if (visitor.kind === 'tenant') {
      this.#parts.namespaces.entered(visitor.namespace, connection)
      this.#noteActions(hello.token ?? '', connection)
    }
    return visitor
  }

  /** Strangers do not take the places of others for longer than that. */
  #awaitProof(connection: Connection): undefined {
    const timer = this.#parts.clock.after(PROOF_TIMEOUT_MS, () => {
      if (connection.principal) return
      connection.close(
        new GliderError('UNAUTHENTICATED', `${connection.remote} has not proved within 10 s to be a server of the cluster`),
      )
    })
    connection.onClose(() => timer.cancel())
    return undefined
  }

  /** The token of the actions of a server ends with its membership, and so does whoever came by it. */
  serverLeft({ id, tokenHash }: Pick<ServerRecord, 'id' | 'tokenHash'>): void {
    const connections = this.#ofActions.get(tokenHash)
    this.#ofActions.delete(tokenHash)
    const reason = new GliderError('UNAUTHENTICATED', `the active server ${id} is no longer in the cluster, nor are its actions`)
    for (const connection of connections ?? []) connection.close(reason)
  }

  #noteActions(token: string, connection: Connection): void {
    const hash = hashToken(token)
    if (this.#parts.namespaceOfActions(hash) === undefined) return
    const connections = this.#ofActions.get(hash) ?? new Set()
    this.#ofActions.set(hash, connections.add(connection))
    connection.onClose(() => connections.delete(connection))
  }

  callerOf({ connection }: Call): Caller {
    const { principal } = connection
    // Servers ask for nothing that is in a namespace, and where there is no secret there is one.
    if (!(principal instanceof Visitor)) return callerOf(connection, this.#parts.namespaces.default, noGrant)
    return callerOf(connection, principal.namespace, principal.grant)
  }

  /**
   * Who asks over REST.
   * @param authorization the header of the request
   */
  restCaller(operation: Pick<Operation, 'name' | 'by'>, authorization: string | undefined): Caller {
    const visitor = this.#visitor(bearer(authorization), undefined)
    const refusal = refusalOf(operation, visitor)
    if (refusal) throw refusal
    return restCaller(visitor.namespace, visitor.grant)
  }

  /** Whether somebody who comes over HTTP may know of the whole cluster. */
  isOperator(authorization: string | undefined): boolean {
    const { secret } = this.#parts
    const token = bearer(authorization)
    return secret === undefined || (token !== undefined && hashToken(token) === this.#adminHash)
  }

  /** @throws GliderError UNAUTHENTICATED, FORBIDDEN */
  #visitor(token: string | undefined, wanted: string | undefined): Visitor {
    const visitor = this.#known(token)
    const { name } = visitor.namespace
    if (wanted === undefined || wanted === name) return visitor
    throw new GliderError('FORBIDDEN', `there is no namespace ${JSON.stringify(wanted)} for you here: use ${name}`)
  }

  #known(token: string | undefined): Visitor {
    const { secret, namespaces, namespaceOfActions } = this.#parts
    if (secret === undefined) return new Visitor('operator', namespaces.default, NO_TOKEN)
    if (token === undefined || token === '') {
      throw new GliderError('UNAUTHENTICATED', `this cluster asks for a token: ${remedies.token}`)
    }
    const hash = hashToken(token)
    if (hash === this.#adminHash) return new Visitor('operator', namespaces.default, NO_TOKEN)
    const namespace = namespaces.byTokenHash(hash)
    if (namespace) return new Visitor('tenant', namespace, namespace.record.token)
    const name = namespaceOfActions(hash)
    if (name !== undefined) return new Visitor('tenant', namespaces.get(name), NO_TOKEN)
    throw new GliderError('UNAUTHENTICATED', 'the token is not known here, or no longer: ask the operator for another')
  }

  /**
   * A server that has proved who it is registers for itself alone: whoever gets hold of its connection, as an action may that runs
   * within it, comes by that to no other namespace.
   * @throws GliderError FORBIDDEN
   */
  checkOwn({ role, incarnation, namespace }: HeadOf<typeof catalogue.register>, { principal }: Connection): void {
    const proved = principal?.proved
    if (!proved) return
    if (proved.role === role && proved.clientId === incarnation && proved.namespace === namespace) return
    throw notItself(proved)
  }

  /**
   * What it tells of itself later is of itself alone as well: the incarnations of others are no secret, each location has one.
   * @throws GliderError FORBIDDEN
   */
  checkOfItself(head: unknown, { principal }: Connection): void {
    const proved = principal?.proved
    const { incarnation } = head as { readonly incarnation?: string }
    if (proved && incarnation !== undefined && incarnation !== proved.clientId) throw notItself(proved)
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
    connection.principal = { kind: 'server', proved: peer }
    return { proof: metadataProof(secret, peer, nonces) }
  }
}

function notItself({ role, clientId }: ProvedServer): GliderError {
  return new GliderError('FORBIDDEN', `the ${role} server ${clientId} has proved to be no other: it speaks for itself alone`)
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S.*?) *$/i.exec(authorization ?? '')?.[1]
}
