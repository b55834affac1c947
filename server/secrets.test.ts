import { expect, test } from 'vitest'
import { adminToken, clusterSecret } from './secrets.ts'

test.each([
  ['the admin token in GLIDER_ADMIN_TOKEN', 'GLIDER_ADMIN_TOKEN', adminToken],
  ['the secret in GLIDER_CLUSTER_SECRET', 'GLIDER_CLUSTER_SECRET', clusterSecret],
])('%s is called so where it is too short, and gone from the environment', (what, variable, read) => {
  process.env[variable] = 'short'
  expect(() => read(undefined)).toThrow(`${what} has 5 characters, and needs 24`)
  expect(process.env).not.toHaveProperty(variable)
})
