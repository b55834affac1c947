import type { Command } from 'commander'
import { GliderError, type ListEntry, type NodeStat } from '../client/index.ts'
import { formatSize } from '../client/units.ts'
import type { Session } from './session.ts'
import { columns, printable } from './table.ts'

/** The tree: `ls`, `mkdir`, `rm`, `mv`, `stat`. */
export function addNodeCommands(program: Command, session: Session): void {
  program
    .command('ls')
    .description('list a directory')
    .argument('[path]', 'directory', '/')
    .action((path: string) => list(session, path))

  program
    .command('mkdir')
    .description('create directories')
    .argument('<path...>', 'what to create')
    .option('-p, --parents', 'create what is missing above, too; what is there already is fine')
    .action((paths: string[], { parents = false }: { parents?: boolean }) =>
      session.withStore(async (store, call) => {
        for (const path of paths)
          await store.create(path, 'directory', { parents, ifExists: parents ? 'open' : 'error', ...call })
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
    .action((from: string, to: string) => session.withStore((store, call) => store.rename(from, to, call)))

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
        entries.map(({ type, size, name }) => [type, type === 'file' ? formatSize(size) : '-', printable(name)]),
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
    for (const path of paths) {
      const deleted = await store.delete(path, { recursive, ...call })
      if (!deleted && !force) throw new GliderError('NOT_FOUND', `there is nothing at ${path}: use -f if that is fine`)
    }
  })
}

function statLines({ path, type, size, storageClass, createdAt, object }: NodeStat): string[] {
  const rows = [
    ['path', printable(path)],
    ['type', type],
    ['size', `${size}`],
    ['storage class', storageClass],
    ['created', createdAt.toISOString()],
  ]
  if (object) rows.push(['object', object.state])
  if (object?.definition !== undefined) rows.push(['definition', `${object.definition} (version ${object.version ?? 'unknown'})`])
  if (object?.interleaved) rows.push(['interleaved', 'yes'])
  if (object?.server !== undefined) rows.push(['server', object.server])
  return columns(rows)
}
