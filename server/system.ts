import type { Logger } from 'pino'
import { systemClock, systemRandomness } from '../protocol/clock.system.ts'
import type { Clock, Randomness } from '../protocol/clock.ts'
import { createLog, type LogLevel } from './log.ts'
import { type Network, realNetwork } from './network.ts'

/** What a server takes from the machine; tests and simulations hand it something else. */
export interface System {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly log: Logger
  readonly network: Network
}

export function realSystem(name: string, logLevel: LogLevel = 'info'): System {
  return { clock: systemClock, randomness: systemRandomness, log: createLog(name, logLevel), network: realNetwork }
}
