import { parseSecret } from '../protocol/cluster-secret.ts'
import { textOf } from './tls.ts'

const SECRET_VARIABLE = 'GLIDER_CLUSTER_SECRET'
const ADMIN_VARIABLE = 'GLIDER_ADMIN_TOKEN'

/**
 * The secret of the cluster, from its file or from the environment, which then no longer has it: what runs in threads of this
 * process does not find it there.
 * @throws GliderError INVALID_ARGUMENT
 */
export function clusterSecret(file: string | undefined): string | undefined {
  return secretOf('secret', file, SECRET_VARIABLE, '--cluster-secret-file')
}

/**
 * The token by which operators come, in the same way.
 * @throws GliderError INVALID_ARGUMENT
 */
export function adminToken(file: string | undefined): string | undefined {
  return secretOf('admin token', file, ADMIN_VARIABLE, '--admin-token-file')
}

/** Takes from the environment what is for the metadata server and the command: what runs in threads of this process is not to find it. */
export function dropTokens(): void {
  for (const variable of [ADMIN_VARIABLE, 'GLIDER_TOKEN']) delete process.env[variable]
}

function secretOf(what: string, file: string | undefined, variable: string, flag: string): string | undefined {
  const given = process.env[variable]
  delete process.env[variable]
  if (file !== undefined) return parseSecret(textOf(file, flag), `the ${what} in ${file}`)
  return given === undefined || given === '' ? undefined : parseSecret(given, `the ${what} in ${variable}`)
}
