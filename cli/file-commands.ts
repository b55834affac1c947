import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { counted, readUpTo } from './bytes.ts'
import { openSource, writeTarget } from './local-files.ts'
import { withNode } from './new-node.ts'
import { progressBar } from './progress-bar.ts'
import type { Session } from './session.ts'

/** So much is put in one operation, which needs no node to be there first. */
const PUT_BYTES = 4 << 20

/** Bytes of files: `put`, `get`, `cat`. */
export function addFileCommands(program: Command, session: Session): void {
  program
    .command('put')
    .description('store a file, in place of one that is there')
    .argument('<file>', 'file of this machine, - for stdin')
    .argument('<path>', 'its path in the store')
    .option('-p, --parents', 'create missing directories above, too')
    .action((file: string, path: string, { parents = false }: { parents?: boolean }) => put(session, file, path, parents))

  program
    .command('get')
    .description('read a file into a file of this machine')
    .argument('<path>', 'its path in the store')
    .argument('[file]', 'file of this machine, - for stdout', '-')
    .action((path: string, file: string) => get(session, path, file))

  program
    .command('cat')
    .description('write files to stdout, one after another')
    .argument('<path...>', 'paths in the store')
    .action((paths: string[]) =>
      session.withStore(async (store, call) => {
        for (const path of paths) {
          const node = await store.lookup(path, 'file', call)
          await writeTarget(session.io, '-', node.createReadStream(call))
        }
      }),
    )
}

async function put(session: Session, file: string, path: string, parents: boolean): Promise<void> {
  const { stream, size } = await openSource(session.io, file)
  const bar = progressBar(session.io.stderr, size)
  try {
    await session.withStore(async (store, call) => {
      const { chunks, ended } = await readUpTo(stream, PUT_BYTES)
      if (ended) {
        await store.put(path, Buffer.concat(chunks), { parents, ...call })
        return
      }
      await withNode(store, path, 'file', parents, call, node =>
        pipeline(counted(chunks, stream, bar), node.createWriteStream(call), call),
      )
    })
  } finally {
    stream.destroy()
    bar.clear()
  }
}

async function get(session: Session, path: string, file: string): Promise<void> {
  await session.withStore(async (store, call) => {
    const node = await store.lookup(path, 'file', call)
    const { size } = await node.stat(call)
    const bar = progressBar(session.io.stderr, size)
    try {
      await writeTarget(session.io, file, counted([], node.createReadStream(call), bar))
    } finally {
      bar.clear()
    }
  })
}
