import { Argument, type Command } from 'commander'
import { GliderError, type ListEntry, type NodeByType, type NodeStat } from '../client/index.ts'
import { formatSize } from '../client/units.ts'
import { addParentsFlag, addPlaceFlags, addTtlFlag, type CreationFlags, creationOptions } from './creation.ts'
import { inTurn } from './in-turn.ts'
import type { Session } from './session.ts'
import { columns, printable } from './table.ts'

const nodeTypes = ['file', 'directory', 'table', 'keyvalue', 'bag', 'action'] as const satisfies (keyof NodeByType)[]
/** Whose size says something. */
const sized = new Set<string>(['file', 'keyvalue', 'bag'])

/** The tree: `ls`, `mkdir`, `create`, `rm`, `mv`, `stat`. */
export function addNodeCommands(program: Command, session: Session): void {
  program
    .command('ls')
    .description('list a directory or table')
    .argument('[path]', 'directory or table', '/')
    .action((path: string) => list(session, path))

  addTtlFlag(addPlaceFlags(program.command('mkdir')))
    .description('create directories')
    .argument('<path...>', 'what to create')
    .option('-p, --parents', 'create what is missing above, too; what is there already is fine')
    .action((paths: string[], flags: CreationFlags) =>
      session.withStore(async (store, call) => {
        const options = { ...creationOptions(flags), ifExists: flags.parents ? 'open' : 'error', ...call } as const
        await inTurn(paths, 'made', async path => void (await store.create(path, 'directory', options)))
        session.answer({ type: 'directory', paths })
      }),
    )

  addTtlFlag(addPlaceFlags(addParentsFlag(program.command('create'))))
    .description('create empty nodes of any type')
    .addArgument(new Argument('<type>', 'what to create').choices(nodeTypes))
    .argument('<path...>', 'where')
    .action((type: keyof NodeByType, paths: string[], flags: CreationFlags) =>
      session.withStore(async (store, call) => {
        const options = { ...creationOptions(flags), ...call }
        await inTurn(paths, 'made', async path => void (await store.create(path, type, options)))
        session.answer({ type, paths })
      }),
    )

  program
    .command('rm')
    .description('delete nodes')
    .argument('<path...>', 'what to delete')
    .option('-r, --recursive', 'with everything below')
    .option('-f, --force', 'what is not there is fine')
    .action((paths: string[], flags: { recursive?: boolean; force?: boolean }) => remove(session, paths, flags))

  program
    .command('mv')
    .description('rename a node, with everything below')
    .argument('<from>', 'its path')
    .argument('<to>', 'its new path')
    .action((from: string, to: string) =>
      session.withStore(async (store, call) => {
        await store.rename(from, to, call)
        session.answer({ from, to })
      }),
    )

  program
    .command('stat')
    .description('tell about a node')
    .argument('<path>', 'the node')
    .action((path: string) =>
      session.withStore(async (store, call) => {
        const stat = await store.stat(path, call)
        session.answer(stat, () => statLines(stat))
      }),
    )
}

async function list(session: Session, path: string): Promise<void> {
  await session.withStore(async (store, call) => {
    const entries: ListEntry[] = []
    for await (const entry of store.list(path, call)) entries.push(entry)
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    session.answer(entries, () =>
      columns(
        entries.map(({ type, size, name }) => [type, sized.has(type) ? formatSize(size) : '-', printable(name)]),
        [1],
      ),
    )
  })
}

async function remove(
  session: Session,
  paths: readonly string[],
  flags: { recursive?: boolean; force?: boolean },
): Promise<void> {
  const { recursive = false, force = false } = flags
  await session.withStore(async (store, call) => {
    const gone: string[] = []
    await inTurn(paths, 'deleted', async path => {
      const deleted = await store.delete(path, { recursive, ...call })
      if (deleted) gone.push(path)
      else if (!force)
        throw new GliderError('NOT_FOUND', `there is nothing at ${path}: check the path, or give -f if that is fine`)
    })
    session.answer({ deleted: gone })
  })
}

function statLines({ path, type, size, storageClass, createdAt, lostBytes, object }: NodeStat): string[] {
  const rows = [
    ['path', printable(path)],
    ['type', type],
    ['size', `${size}`],
    ['storage class', storageClass],
    ['created', createdAt.toISOString()],
  ]
  if (lostBytes !== undefined) rows.push(['lost bytes', `${lostBytes}`])
  if (object) rows.push(['object', object.state])
  if (object?.definition !== undefined) rows.push(['definition', `${object.definition} (version ${object.version ?? 'unknown'})`])
  if (object?.interleaved) rows.push(['interleaved', 'yes'])
  if (object?.server !== undefined) rows.push(['server', object.server])
  return columns(rows)
}
