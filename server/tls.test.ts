import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { serverTls, type TlsFlags } from './tls.ts'

const certificates = path.join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'tls')
const [cert, key] = [path.join(certificates, 'cert.pem'), path.join(certificates, 'key.pem')]
const folder = mkdtempSync(path.join(tmpdir(), 'glider-tls-'))
const other = path.join(folder, 'other-key.pem')
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
writeFileSync(other, privateKey.export({ type: 'pkcs8', format: 'pem' }))
const empty = path.join(folder, 'empty.pem')
writeFileSync(empty, '')

afterAll(() => rmSync(folder, { recursive: true }))

test('a certificate, its key and an authority are taken from their files', () => {
  expect(serverTls({ tlsCert: cert, tlsKey: key, tlsCa: cert })).toEqual({
    cert: expect.stringContaining('BEGIN CERTIFICATE'),
    key: expect.stringContaining('PRIVATE KEY'),
    ca: expect.stringContaining('BEGIN CERTIFICATE'),
  })
  expect(serverTls({})).toBeUndefined()
})

test.each<[string, TlsFlags, string[]]>([
  ['the key of another certificate', { tlsKey: other }, [other, '--tls-key', cert, '--tls-cert']],
  ['a key in the place of the certificate', { tlsCert: key }, [key, '--tls-cert', 'no certificate']],
  ['a certificate in the place of the key', { tlsKey: cert }, [cert, '--tls-key', 'no private key']],
  ['an authority without a certificate', { tlsCa: empty }, [empty, '--tls-ca', 'no certificate']],
])('%s is refused by file and flag', (_what, wrong, told) => {
  const attempt = (): unknown => serverTls({ tlsCert: cert, tlsKey: key, ...wrong })
  for (const part of told) {
    expect(attempt).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(part) }))
  }
})
