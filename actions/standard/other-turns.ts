import { systemClock } from '../../protocol/clock.system.ts'

/** Lets others have their turn. Rejects with the reason where the signal has fired. */
export async function otherTurns(signal: AbortSignal): Promise<void> {
  await new Promise<void>(resolve => systemClock.soon(resolve))
  if (signal.aborted) throw signal.reason
}
