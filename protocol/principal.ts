import { GliderError } from './errors.ts'
import type { Asker, Operation } from './operation.ts'
import type { Hello, Principal } from './peer.ts'

const operator: Principal = { kind: 'operator' }
const server: Principal = { kind: 'server' }

/** By its word alone: for clusters that nobody but this machine reaches. */
export function trusted({ role }: Pick<Hello, 'role'>): Principal {
  return role === 'client' ? operator : server
}

/** Why somebody may not ask for an operation; undefined where it may. */
export function refusalOf(
  { name, by }: Pick<Operation, 'name' | 'by'>,
  principal: Principal | undefined,
): GliderError | undefined {
  if (by === 'anyone' || principal?.kind === by) return undefined
  if (principal?.kind === 'operator' && by === 'tenant') return undefined
  if (principal?.kind === 'server' && !principal.proved) return undefined
  return principal
    ? new GliderError('FORBIDDEN', `${name} is for ${askers[by]}, and this is none`)
    : new GliderError(
        'UNAUTHENTICATED',
        `${name} is for ${askers[by]}: ${by === 'server' ? GIVE_SECRET : 'prove who you are first'}`,
      )
}

const GIVE_SECRET = 'give this one the --cluster-secret-file (or GLIDER_CLUSTER_SECRET) of the others'

const askers: Record<Exclude<Asker, 'anyone'>, string> = {
  tenant: 'a client of a namespace',
  operator: 'an operator, who has the admin token of the cluster',
  server: 'a server of the cluster, which has its secret',
}
