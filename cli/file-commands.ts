import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { type CallOptions, GliderError, type NodeByType, type StoreClient } from '../client/index.ts'
import { counted, readUpTo } from './bytes.ts'
import { addParentsFlag, addPlaceFlags, type CreationFlags, creationOptions } from './creation.ts'
import { openSource, writeTarget } from './local-files.ts'
import { withNode } from './new-node.ts'
import { progressBar } from './progress-bar.ts'
import type { Session } from './session.ts'

/** So much is put in one operation, which needs no node to be there first. */
const PUT_BYTES = 4 << 20

/** Bytes of files, keyvalues and bags: `put`, `append`, `get`, `cat`. */
export function addFileCommands(program: Command, session: Session): void {
  addPlaceFlags(addParentsFlag(program.command('put')))
    .description('store a file, or a keyvalue below a table, in place of one that is there')
    .argument('<file>', 'file of this machine, - for stdin')
    .argument('<path>', 'its path in the store')
    .action((file: string, path: string, flags: CreationFlags) => put(session, file, path, flags))

  program
    .command('append')
    .description('add a part to a bag, or bytes to the end of a file')
    .argument('<file>', 'file of this machine, - for stdin')
    .argument('<path>', 'of the bag or file')
    .action((file: string, path: string) => append(session, file, path))

  program
    .command('get')
    .description('read a file, keyvalue or bag into a file of this machine')
    .argument('<path>', 'its path in the store')
    .argument('[file]', 'file of this machine, - for stdout', '-')
    .action((path: string, file: string) => get(session, path, file))

  program
    .command('cat')
    .description('write files, keyvalues and bags to stdout, one after another')
    .argument('<path...>', 'paths in the store')
    .action((paths: string[]) =>
      session.withStore(async (store, call) => {
        for (const path of paths) {
          const node = await readable(store, path, call)
          await writeTarget(session.io, '-', node.createReadStream(call))
        }
      }),
    )
}

async function put(session: Session, file: string, path: string, flags: CreationFlags): Promise<void> {
  const { stream, size } = await openSource(session.io, file)
  const bar = progressBar(session.io.stderr, size)
  const wishes = creationOptions(flags)
  try {
    await session.withStore(async (store, call) => {
      const { chunks, ended } = await readUpTo(stream, PUT_BYTES)
      if (ended) {
        const bytes = Buffer.concat(chunks)
        await store.put(path, bytes, { ...wishes, ...call })
        session.answer({ path, bytes: bytes.length })
        return
      }
      const tally = { bytes: 0 }
      const type = (await isInTable(store, path, call)) ? 'keyvalue' : 'file'
      await withNode(store, path, type, wishes, call, node =>
        pipeline(counted(chunks, stream, bar, tally), node.createWriteStream(call), call),
      )
      session.answer({ path, ...tally })
    })
  } finally {
    stream.destroy()
    bar.clear()
  }
}

async function append(session: Session, file: string, path: string): Promise<void> {
  const { stream, size } = await openSource(session.io, file)
  const bar = progressBar(session.io.stderr, size)
  try {
    await session.withStore(async (store, call) => {
      const node = await store.lookup(path, undefined, call)
      if (node.type !== 'bag' && node.type !== 'file') throw mismatch(path, node.type, 'a bag or file, which can be added to')
      const target = node.type === 'bag' ? node.append(call) : node.createWriteStream({ append: true, ...call })
      const tally = { bytes: 0 }
      await pipeline(counted([], stream, bar, tally), target, call)
      session.answer({ path, ...tally })
    })
  } finally {
    stream.destroy()
    bar.clear()
  }
}

/** What has bytes that are there to be read. */
async function readable(store: StoreClient, path: string, call: CallOptions): Promise<NodeByType['file' | 'keyvalue' | 'bag']> {
  const node = await store.lookup(path, undefined, call)
  if (node.type === 'file' || node.type === 'keyvalue' || node.type === 'bag') return node
  throw mismatch(path, node.type, 'a file, keyvalue or bag')
}

async function isInTable(store: StoreClient, path: string, call: CallOptions): Promise<boolean> {
  const parent = path.slice(0, path.lastIndexOf('/')) || '/'
  try {
    return (await store.stat(parent, call)).type === 'table'
  } catch (error) {
    if (GliderError.from(error).code !== 'NOT_FOUND') throw error
    return false
  }
}

function mismatch(path: string, is: string, wanted: string): GliderError {
  return new GliderError('TYPE_MISMATCH', `${path} is of type ${is}, not ${wanted}`)
}

async function get(session: Session, path: string, file: string): Promise<void> {
  await session.withStore(async (store, call) => {
    const node = await readable(store, path, call)
    const { size } = await node.stat(call)
    const bar = progressBar(session.io.stderr, size)
    try {
      const tally = { bytes: 0 }
      await writeTarget(session.io, file, counted([], node.createReadStream(call), bar, tally))
      if (file !== '-') session.answer({ path, file, ...tally })
    } finally {
      bar.clear()
    }
  })
}
