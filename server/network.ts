import { dial } from '../protocol/dial.system.ts'
import { Chassis, type ChassisOptions } from './chassis.ts'

/** What a server that can be reached has; `address` is the host:port that others reach it by. */
export type Listener = Pick<Chassis, 'address' | 'drain' | 'drainingError' | 'stop'>

/** How a server is reached and reaches others; a simulation puts one of its own there. */
export interface Network {
  listen(options: ChassisOptions): Promise<Listener>
  readonly dial: typeof dial
}

export const realNetwork: Network = { listen: options => Chassis.start(options), dial }
