import { expect, test } from 'vitest'
import { distinctPlaces } from './distinct-places.ts'

test('each place is told once, and none that lies in a folder that is told', () => {
  const told = [
    '/own/dist/*',
    '/own/package.json',
    '/packages/*',
    '/tls/both.pem',
    '/tls/both.pem',
    '/own/dist/cert.pem',
    '/packages/x/*',
  ]
  expect(distinctPlaces(told)).toEqual(['/own/dist/*', '/own/package.json', '/packages/*', '/tls/both.pem'])
})

test('a name that begins alike is another place', () => {
  const told = ['/own/dist/*', '/own/distant.pem', '/own/dist', '/tls/cert', '/tls/cert.key']
  expect(distinctPlaces(told)).toEqual(told)
})
