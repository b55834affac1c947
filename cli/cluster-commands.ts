import { once } from 'node:events'
import { type Command, Option } from 'commander'
import type { ServerInfo } from '../client/index.ts'
import { countOf } from '../client/units.ts'
import type { LocalClusterOptions } from '../cluster/index.ts'
import { duration, size, wholeNumber } from './flags.ts'
import type { Session } from './session.ts'
import { columns } from './table.ts'

const serverCount = wholeNumber(0, 100)
const many = wholeNumber(1, 1_000_000)

/** Servers: `up`, `servers`, and `servers drain|remove`. */
export function addClusterCommands(program: Command, session: Session): void {
  program
    .command('up')
    .description('run a cluster on this machine until it is interrupted')
    .option('--storage-servers <number>', 'how many', serverCount, 1)
    .option('--active-servers <number>', 'how many', serverCount, 1)
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
    .addOption(
      new Option('--turn-timeout <time>', 'how long an action may run without coming back to the event loop')
        .argParser(duration)
        .default(10_000, '10s'),
    )
    .option('--port <number>', 'of the metadata server; 0 takes any free one', wholeNumber(0, 65_535), 9060)
    .addOption(new Option('--block-size <size>', 'bytes of a block').argParser(size).default(1 << 20, '1MiB'))
    .addOption(
      new Option('--log-level <level>', 'what servers write to stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('error'),
    )
    .action((options: LocalClusterOptions) => up(session, options))

  const servers = program
    .command('servers')
    .description('list the servers of the cluster, or drain or remove one')
    .action(() =>
      session.withStore(async (store, call) => {
        const all = await store.servers(call)
        session.answer(all, () => serverLines(all))
      }),
    )

  servers
    .command('drain')
    .description('put nothing new on a server, and say when it is empty; what is there stays until it is deleted')
    .argument('<id>', 'as `servers` tells it')
    .option('--no-wait', 'not until it is empty')
    .action((id: string, { wait }: { wait: boolean }) => drain(session, id, wait))

  servers
    .command('remove')
    .description('take a server out of the cluster for good; it then ends')
    .argument('<id>', 'as `servers` tells it')
    .option('--force', 'also where it still holds something, which is lost')
    .action((id: string, { force = false }: { force?: boolean }) =>
      session.withStore(async (store, call) => {
        const server = await store.removeServer(id, { force, ...call })
        session.answer(server, () => [`${id} is out of the cluster; ${holdings(server)}`])
      }),
    )
}

async function drain(session: Session, id: string, wait: boolean): Promise<void> {
  await session.withStore(async (store, call) => {
    const server = await store.drainServer(id, call)
    if (!wait) session.answer(server, () => [drainingLine(server)])
    else {
      if (!session.json && server.used > 0) session.print(drainingLine(server))
      const empty = await store.drainServer(id, { wait, ...call })
      session.answer(empty, () => [`${id} is empty: it can be removed`])
    }
  })
}

function drainingLine(server: ServerInfo): string {
  return `${server.id} is draining: ${holdings(server)}`
}

function serverLines(all: readonly ServerInfo[]): string[] {
  const rows = all.map(({ id, role, address, state, storageClass, capacity, free }) => {
    const room = `${free} of ${capacity} ${role === 'active' ? 'slots' : 'blocks'} free`
    return [id, role, address, state, storageClass, room]
  })
  return columns([['SERVER', 'ROLE', 'ADDRESS', 'STATE', 'CLASS', 'ROOM'], ...rows])
}

function holdings({ role, used }: ServerInfo): string {
  return used === 0 ? 'it holds nothing' : `it holds ${countOf(used, role === 'active' ? 'object' : 'block')}`
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
