import type { ServerRecord } from './servers.ts'

/** For messages about a lack of room: who is draining has some, but not for what is new. Empty where nobody is. */
export function drainingNote(servers: readonly Pick<ServerRecord, 'draining'>[]): string {
  const draining = servers.filter(server => server.draining).length
  if (draining === 0) return ''
  const which = servers.length === 1 ? 'the only one' : `${draining} of ${servers.length}`
  return draining === 1 ? ` (${which} is draining, and takes nothing new)` : ` (${which} are draining, and take nothing new)`
}
