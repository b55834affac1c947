/** For whom a location was given out. */
export interface Grant {
  /** Number of the namespace. */
  readonly namespace: number
  /** Of the token that it was asked for by: a namespace's next token has a higher one. {@link NO_TOKEN} where no token can be taken back. */
  readonly token: number
}

/** Of operators, of actions, and of a cluster without a secret. */
export const NO_TOKEN = 0

/** Of what is in the namespace that there is always. */
export const noGrant: Grant = { namespace: 0, token: NO_TOKEN }
