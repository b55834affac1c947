import { once } from 'node:events'
import { type Command, Option } from 'commander'
import type { LocalClusterOptions } from '../cluster/index.ts'
import { size, wholeNumber } from './flags.ts'
import type { Session } from './session.ts'
import { columns } from './table.ts'

const servers = wholeNumber(0, 100)
const many = wholeNumber(1, 1_000_000)

/** Servers: `up` and `servers`. */
export function addClusterCommands(program: Command, session: Session): void {
  program
    .command('up')
    .description('run a cluster on this machine until it is interrupted')
    .option('--storage-servers <number>', 'how many', servers, 1)
    .option('--active-servers <number>', 'how many', servers, 1)
    .addOption(
      new Option('--capacity <size>', 'memory for blocks of each storage server').argParser(size).default(512 << 20, '512MiB'),
    )
    .option('--slots <number>', 'room for action objects on each active server', many, 64)
    .option('--threads <number>', 'action threads of each active server', wholeNumber(1, 1024), 2)
    .addOption(
      new Option('--thread-memory <size>', 'what the objects of one action thread may hold together')
        .argParser(size)
        .default(512 << 20, '512MiB'),
    )
    .option('--turn-timeout <time>', 'how long an action may run without coming back to the event loop', '10s')
    .option('--port <number>', 'of the metadata server; 0 takes any free one', wholeNumber(0, 65_535), 9060)
    .addOption(new Option('--block-size <size>', 'bytes of a block').argParser(size).default(1 << 20, '1MiB'))
    .addOption(
      new Option('--log-level <level>', 'what servers write to stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('error'),
    )
    .action((options: LocalClusterOptions) => up(session, options))

  program
    .command('servers')
    .description('list the servers of the cluster')
    .action(() =>
      session.withStore(async (store, call) => {
        const all = await store.servers(call)
        session.answer(all, () => {
          const rows = all.map(server => {
            const { id, role, address, state, storageClass, capacity, free } = server
            return [
              id,
              role,
              address,
              state,
              storageClass,
              `${free} of ${capacity} ${role === 'active' ? 'slots' : 'blocks'} free`,
            ]
          })
          return columns([['SERVER', 'ROLE', 'ADDRESS', 'STATE', 'CLASS', 'ROOM'], ...rows])
        })
      }),
    )
}

async function up(session: Session, options: LocalClusterOptions): Promise<void> {
  const { signal } = session.io
  // Loaded only here: all the other commands are clients.
  const { LocalCluster } = await import('../cluster/index.ts')
  await using cluster = await LocalCluster.start(options)
  const { address } = cluster
  session.answer({ address, servers: cluster.servers.map(({ role, address, pid }) => ({ role, address, pid })) }, () => [
    `The cluster is at ${address}`,
    `In another terminal: npx glider --address ${address} servers`,
    'Ctrl-C stops it, and everything in it is gone.',
  ])
  if (!signal.aborted) await once(signal, 'abort')
}
