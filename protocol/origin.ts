/** Where what is asked of an action comes from. It goes along from server to server, into the turn, and into what that asks for. */
export interface Origin {
  /** Ids of the objects whose turns wait for it. */
  readonly chain?: readonly string[] | undefined
  /** Id of the client's operation that it belongs to, where that is followed. */
  readonly operation?: string | undefined
}

/** That of what nobody waits for and nobody follows. */
export const NO_ORIGIN: Origin = {}

const NOTHING = {}

/** Whether there is anything to send along. */
export function hasOrigin({ chain, operation }: Origin): boolean {
  return operation !== undefined || (chain !== undefined && chain.length > 0)
}

/** As it stands in heads: nothing where there is nothing to say. */
export function originFields(origin: Origin): { chain?: string[]; operation?: string } {
  if (!hasOrigin(origin)) return NOTHING
  const { chain, operation } = origin
  return { ...(chain && chain.length > 0 && { chain: [...chain] }), ...(operation !== undefined && { operation }) }
}
