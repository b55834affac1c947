import { readFileSync } from 'node:fs'
import { GliderError } from '../protocol/errors.ts'

/** With what a server speaks TLS, on its port and to the others; in PEM. */
export interface ServerTls {
  readonly cert: string
  readonly key: string
  /** Authorities that have signed the certificates of the others. @default those of Node */
  readonly ca?: string
}

export interface TlsFlags {
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsCa?: string
}

/**
 * All servers of a cluster speak TLS, or none does.
 * @throws GliderError INVALID_ARGUMENT
 */
export function serverTls({ tlsCert, tlsKey, tlsCa }: TlsFlags): ServerTls | undefined {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new GliderError('INVALID_ARGUMENT', 'TLS needs a certificate and its key: give both --tls-cert and --tls-key')
  }
  const [cert, key] = [textOf(tlsCert, '--tls-cert'), textOf(tlsKey, '--tls-key')]
  return { cert, key, ...(tlsCa !== undefined && { ca: textOf(tlsCa, '--tls-ca') }) }
}

/** @throws GliderError INVALID_ARGUMENT */
export function textOf(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const why = (cause as Error).message
    throw new GliderError('INVALID_ARGUMENT', `${file} cannot be read (${why}): name another with ${flag}`, { cause })
  }
}
