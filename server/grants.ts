/**
 * Which locations still count on this server, beside those that were freed. Always holds: what was given out by a token that was taken
 * back is refused from the moment on in which this server was told, and whoever came with such a location has lost the connection.
 */
import { GliderError } from '../protocol/errors.ts'
import { type Grant, NO_TOKEN } from '../protocol/grant.ts'
import type { Connection } from '../protocol/peer.ts'
import { Traffic } from './traffic.ts'

/** Of a namespace, and the lowest of its tokens that counts. */
export type LeastToken = readonly [namespace: number, token: number]

/** A grant that was seen here, once for all locations that have it. */
export class Admission {
  readonly token: number
  /** Of its namespace. */
  readonly traffic: Traffic
  isRevoked = false

  constructor(token: number, traffic: Traffic) {
    this.token = token
    this.traffic = traffic
  }
}

interface NamespaceHere {
  readonly traffic: Traffic
  readonly admissions: Map<number, Admission>
  least: number
}

/** A connection, by what it has brought. */
export class Guest {
  readonly #connection: Connection
  /** One, but for those who have a location from somebody else. */
  readonly #seen: Admission[] = []
  #last: Admission | undefined

  constructor(connection: Connection) {
    this.#connection = connection
  }

  brings(admission: Admission): void {
    if (admission === this.#last) return
    this.#last = admission
    if (!this.#seen.includes(admission)) this.#seen.push(admission)
  }

  /** Where to count what it has brought last. */
  get traffic(): Traffic | undefined {
    return this.#last?.traffic
  }

  leaveIfRevoked(): void {
    if (this.#seen.some(({ isRevoked }) => isRevoked)) this.#connection.dismiss(revoked())
  }
}

export class Grants {
  readonly #namespaces = new Map<number, NamespaceHere>()
  readonly #guests = new Map<Connection, Guest>()

  guest(connection: Connection): Guest {
    let guest = this.#guests.get(connection)
    if (!guest) {
      guest = new Guest(connection)
      this.#guests.set(connection, guest)
      connection.onClose(() => this.#guests.delete(connection))
    }
    return guest
  }

  /**
   * Of a location whose proof was verified. To be asked for its `isRevoked` each time that the location comes.
   * @throws GliderError UNAUTHENTICATED
   */
  admit({ namespace, token }: Grant): Admission {
    const here = this.#here(namespace)
    if (token !== NO_TOKEN && token < here.least) throw revoked()
    let admission = here.admissions.get(token)
    if (!admission) {
      admission = new Admission(token, here.traffic)
      here.admissions.set(token, admission)
    }
    return admission
  }

  /** From here on tokens below these count no more. */
  revoke(leasts: readonly LeastToken[]): void {
    let isNews = false
    for (const [namespace, least] of leasts) {
      const here = this.#here(namespace)
      if (least <= here.least) continue
      here.least = least
      for (const admission of here.admissions.values()) {
        if (admission.token === NO_TOKEN || admission.token >= least) continue
        admission.isRevoked = true
        here.admissions.delete(admission.token)
        isNews = true
      }
    }
    if (isNews) for (const guest of [...this.#guests.values()]) guest.leaveIfRevoked()
  }

  /** Traffic of each namespace that was ever here. */
  *traffic(): Iterable<readonly [namespace: number, traffic: Traffic]> {
    for (const [namespace, { traffic }] of this.#namespaces) yield [namespace, traffic]
  }

  #here(namespace: number): NamespaceHere {
    let here = this.#namespaces.get(namespace)
    if (!here) {
      here = { traffic: new Traffic(), admissions: new Map(), least: NO_TOKEN }
      this.#namespaces.set(namespace, here)
    }
    return here
  }
}

/** @throws GliderError UNAUTHENTICATED */
export function checkHolds({ isRevoked }: Admission): void {
  if (isRevoked) throw revoked()
}

function revoked(): GliderError {
  return new GliderError('UNAUTHENTICATED', 'the token that this was given out by was taken back: ask the operator for another')
}
