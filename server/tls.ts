import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
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
  if (!certificateOf(cert, tlsCert, '--tls-cert').checkPrivateKey(keyOf(key, tlsKey))) {
    const why = `${tlsKey} (--tls-key) has another key than that of the certificate in ${tlsCert} (--tls-cert)`
    throw new GliderError('INVALID_ARGUMENT', `${why}: name the two that belong together`)
  }
  if (tlsCa === undefined) return { cert, key }
  const ca = textOf(tlsCa, '--tls-ca')
  certificateOf(ca, tlsCa, '--tls-ca')
  return { cert, key, ca }
}

/** The first of a file; Node itself says nothing where there is none among the authorities. */
function certificateOf(text: string, file: string, flag: string): X509Certificate {
  try {
    return new X509Certificate(text)
  } catch (cause) {
    throw new GliderError('INVALID_ARGUMENT', `${file} (${flag}) holds no certificate in PEM: name a file that does`, { cause })
  }
}

function keyOf(text: string, file: string): KeyObject {
  try {
    return createPrivateKey(text)
  } catch (cause) {
    const what = 'no private key in PEM that can be read without a passphrase'
    throw new GliderError('INVALID_ARGUMENT', `${file} (--tls-key) holds ${what}: name a file that does`, { cause })
  }
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
