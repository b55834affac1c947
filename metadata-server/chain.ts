import { GliderError } from '../protocol/errors.ts'
import type { ActionObject } from './action-object.ts'

interface Asked {
  readonly path?: string | undefined
  readonly chain?: readonly string[] | undefined
}

/** @throws GliderError BUSY where what is asked waits for an object whose own turn waits for it */
export function checkChain(object: ActionObject, { path, chain }: Asked): void {
  if (!object.isIn(chain)) return
  const message = `${path ?? 'the action'}: it would wait for the turn that asks for this; do not await it, or delete with mode abort`
  throw new GliderError('BUSY', message)
}
