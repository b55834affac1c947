import type { Command } from 'commander'
import type { NamespaceInfo, Quota, QuotaChange } from '../client/index.ts'
import { names, quota, quotaChange } from './flags.ts'
import type { Session } from './session.ts'
import { columns } from './table.ts'

/** For operators: `namespace create|list|set|rotate|revoke|delete`. */
export function addNamespaceCommands(program: Command, session: Session): void {
  const namespace = program.command('namespace').description('give namespaces out to tenants, and take them back; for operators')

  namespace
    .command('create')
    .description('make a namespace, and print its token: it is told this once')
    .argument('<name>', '1 to 63 small letters, digits and -, not - first')
    .option('--classes <names>', 'storage classes that its bytes may be in, in order, separated by commas', names)
    .option('--quota <limits>', 'what it may have at most: bytes=1GiB,nodes=10000,slots=8,streams=100, any of them', quota)
    .action((name: string, { classes, quota }: { classes?: string[]; quota?: Quota }) =>
      session.withStore(async (store, call) => {
        const created = await store.createNamespace(name, { ...call, ...(classes && { classes }), ...(quota && { quota }) })
        session.answer(created, () => [created.token])
      }),
    )

  namespace
    .command('list')
    .description('the namespaces, and what they hold')
    .action(() =>
      session.withStore(async (store, call) => {
        const all = await store.namespaces(call)
        session.answer(all, () =>
          columns([['NAMESPACE', 'TOKEN', 'NODES', 'BYTES', 'BLOCKS', 'SLOTS', 'CLASSES', 'QUOTA'], ...all.map(row)]),
        )
      }),
    )

  namespace
    .command('set')
    .description('change what a namespace may have at most')
    .argument('<name>')
    .requiredOption('--quota <limits>', 'those to be changed: bytes=2GiB,slots=none; the others stay as they are', quotaChange)
    .action((name: string, { quota: change }: { quota: QuotaChange }) =>
      session.withStore(async (store, call) => {
        const changed = await store.setQuota(name, change, call)
        session.answer(changed, () => [limitsOf(changed)])
      }),
    )

  namespace
    .command('rotate')
    .description('print another token; whoever came by the old one is out at once')
    .argument('<name>')
    .action((name: string) =>
      session.withStore(async (store, call) => {
        const rotated = await store.rotateToken(name, call)
        session.answer(rotated, () => [rotated.token])
      }),
    )

  namespace
    .command('revoke')
    .description('take the token away; whoever came by it is out at once')
    .argument('<name>')
    .action((name: string) =>
      session.withStore(async (store, call) => {
        await store.revokeToken(name, call)
        session.answer({ name })
      }),
    )

  namespace
    .command('delete')
    .description('take a namespace out, with its active servers')
    .argument('<name>')
    .option('--force', 'also where it holds nodes, which are gone')
    .action((name: string, { force = false }: { force?: boolean }) =>
      session.withStore(async (store, call) => {
        const deleted = await store.deleteNamespace(name, { ...call, force })
        session.answer({ name, deleted }, () => (deleted ? [] : [`there was no namespace ${name}`]))
      }),
    )
}

function limitsOf({ quota: limits = {} }: NamespaceInfo): string {
  return Object.entries(limits)
    .map(([what, most]) => `${what}=${most}`)
    .join(',')
}

function row(info: NamespaceInfo): string[] {
  const { name, hasToken, usage, classes = [] } = info
  const { nodes, storedBytes, blocks, slots } = usage
  return [name, hasToken ? 'yes' : 'no', `${nodes}`, `${storedBytes}`, `${blocks}`, `${slots}`, classes.join(','), limitsOf(info)]
}
