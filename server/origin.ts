import { GliderError } from '../protocol/errors.ts'

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

/** Whether that is no address, but all those of a machine: one can listen there, and nobody can be sent there. */
export function isUnspecified(host: string): boolean {
  return /^(?:0+(?:\.0+){0,3}|[0:]*:[0:]*|)$/.test(host)
}

/**
 * Why a request is refused by a server that takes everybody at their word. Every browser on the machine reaches the loopback, and any
 * page that is open in it can have it ask there: by a WebSocket, which browsers open to wherever a page says, or by a name of the page's own that
 * comes to mean this machine. With all that can change something a browser says where the page is from; programs say nothing.
 * @param origin the header of the request
 */
export function refusalOfOrigin(origin: string | undefined): GliderError | undefined {
  if (origin === undefined || isLoopback(hostOf(origin))) return undefined
  return new GliderError(
    'FORBIDDEN',
    `a page of ${origin.slice(0, 200)} may not come here without a token: give the servers a --cluster-secret-file, or open it from localhost`,
  )
}

/** Empty where there is none, as with `null`, which pages have that hide where they are from. */
function hostOf(origin: string): string {
  try {
    return new URL(origin).hostname.replace(/^\[(.*)\]$/, '$1')
  } catch {
    return ''
  }
}
