/**
 * Whether a history of concurrent operations is linearizable: whether there is an order in which each operation takes effect at one
 * point between its invocation and its answer, such that one after the other would have given the same answers. The search is that
 * of Wing and Gong: whatever was invoked before the first outstanding answer may be next. What has been tried is remembered, as the
 * set of operations done and the state that they led to.
 */
export interface Operation {
  /** Counts invocations and answers of all clients together; no two are alike. */
  readonly invoked: number
  readonly answered: number
  /** Nobody knows whether it took effect: it may have, at any time after its invocation, or not at all. */
  readonly optional?: boolean
}

export interface Specification<State, Op extends Operation> {
  /** The state after the operation; undefined where it would not have answered in this state what it did. */
  next(state: State, operation: Op): State | undefined
  /** Alike for states that cannot be told apart. */
  key(state: State): string
}

/** An order that explains the history, or undefined where there is none. */
export function linearization<State, Op extends Operation>(
  initial: State,
  history: readonly Op[],
  specification: Specification<State, Op>,
): Op[] | undefined {
  const tried = new Set<string>()
  const order: Op[] = []

  function explain(state: State, left: readonly Op[]): boolean {
    if (left.every(({ optional }) => optional)) return true
    const known = `${left.map(({ invoked }) => invoked).join()} ${specification.key(state)}`
    if (tried.has(known)) return false
    tried.add(known)
    const firstAnswer = Math.min(...left.map(({ answered }) => answered))
    for (const operation of left) {
      if (operation.invoked > firstAnswer) continue
      const after = specification.next(state, operation)
      if (after === undefined) continue
      order.push(operation)
      if (
        explain(
          after,
          left.filter(other => other !== operation),
        )
      ) {
        return true
      }
      order.pop()
    }
    return false
  }

  return explain(initial, history) ? order : undefined
}
