import { describe, expect, test } from 'vitest'
import type { GliderError } from '../protocol/errors.ts'
import { NO_TOKEN } from '../protocol/grant.ts'
import type { Connection } from '../protocol/peer.ts'
import { checkHolds, Grants } from './grants.ts'

class GuestConnection {
  dismissed: GliderError | undefined
  #closed: (() => void) | undefined

  onClose(listener: () => void): () => void {
    this.#closed = listener
    return () => {}
  }

  dismiss(reason: GliderError): void {
    this.dismissed = reason
    this.#closed?.()
  }
}

function guestOf(grants: Grants) {
  const connection = new GuestConnection()
  return { connection, guest: grants.guest(connection as unknown as Connection) }
}

const unauthenticated = expect.objectContaining({ code: 'UNAUTHENTICATED' })

describe('grants', () => {
  test('by a token that was taken back count no more, be they seen before or not, and those of other namespaces do', () => {
    const grants = new Grants()
    const seen = grants.admit({ namespace: 1, token: 5 })
    const other = grants.admit({ namespace: 2, token: 5 })
    grants.revoke([[1, 7]])
    expect(() => checkHolds(seen)).toThrow(unauthenticated)
    expect(() => grants.admit({ namespace: 1, token: 5 })).toThrow(unauthenticated)
    expect(() => grants.admit({ namespace: 1, token: 6 })).toThrow(unauthenticated)
    checkHolds(grants.admit({ namespace: 1, token: 7 }))
    checkHolds(other)
    checkHolds(grants.admit({ namespace: 2, token: 5 }))
  })

  test('by no token are not taken back', () => {
    const grants = new Grants()
    const admission = grants.admit({ namespace: 1, token: NO_TOKEN })
    grants.revoke([[1, 7]])
    checkHolds(admission)
    expect(grants.admit({ namespace: 1, token: NO_TOKEN })).toBe(admission)
  })

  test('that are told of again, or late, bring nothing back', () => {
    const grants = new Grants()
    grants.revoke([[1, 7]])
    grants.revoke([[1, 3]])
    expect(() => grants.admit({ namespace: 1, token: 5 })).toThrow(unauthenticated)
  })

  test('end the connections of those who came with them, and of nobody else', () => {
    const grants = new Grants()
    const [gone, stays, wide] = [guestOf(grants), guestOf(grants), guestOf(grants)]
    gone.guest.brings(grants.admit({ namespace: 1, token: 5 }))
    stays.guest.brings(grants.admit({ namespace: 1, token: NO_TOKEN }))
    // With what somebody else was given.
    wide.guest.brings(grants.admit({ namespace: 1, token: 5 }))
    wide.guest.brings(grants.admit({ namespace: 2, token: 5 }))
    grants.revoke([[1, 7]])
    expect(gone.connection.dismissed).toEqual(unauthenticated)
    expect(wide.connection.dismissed).toEqual(unauthenticated)
    expect(stays.connection.dismissed).toBeUndefined()
  })
})
