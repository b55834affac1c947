import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { type ActionLogLine, type BundleInfo, GliderError } from '../client/index.ts'
import { counted } from './bytes.ts'
import { isoTime } from './clock.system.ts'
import { addNearFlag, addParentsFlag, addTtlFlag, type CreationFlags, creationOptions } from './creation.ts'
import { json } from './flags.ts'
import { openSource, writeTarget } from './local-files.ts'
import { withNode } from './new-node.ts'
import { noBar, progressBar } from './progress-bar.ts'
import type { Session } from './session.ts'
import { printable } from './table.ts'

interface CreateFlags extends CreationFlags {
  readonly interleaved?: boolean
  readonly params?: unknown
  readonly replace?: boolean
}

/** Actions: `deploy`, `definitions`, `undeploy` and `action create|read|write|call|logs|delete`. */
export function addActionCommands(program: Command, session: Session): void {
  program
    .command('deploy')
    .description('bundle a TypeScript or JavaScript file and register the Action classes that it exports')
    .argument('<file>', 'file of this machine')
    .option('--name <name>', 'of the bundle (default: base name of the file)')
    .action((file: string, { name }: { name?: string }) =>
      session.withStore(async (store, call) => {
        const bundle = await store.deploy(file, { ...call, ...(name !== undefined && { name }) })
        session.answer(bundle, () => bundleLines(bundle))
      }),
    )

  program
    .command('definitions')
    .description('show the bundles and their classes, with the methods that can be called')
    .action(() =>
      session.withStore(async (store, call) => {
        const bundles = await store.definitions(call)
        bundles.sort((a, b) => (a.name < b.name ? -1 : 1))
        session.answer(bundles, () => bundles.flatMap(bundleLines))
      }),
    )

  program
    .command('undeploy')
    .description('take a bundle out; objects that live keep it from that')
    .argument('<name>', 'of the bundle')
    .option('--force', 'while objects live: they keep their code until they are deleted, and new ones cannot be made')
    .action((name: string, { force = false }: { force?: boolean }) =>
      session.withStore(async (store, call) => {
        const undeployed = await store.undeploy(name, { force, ...call })
        if (!undeployed) throw new GliderError('NOT_FOUND', `there is no bundle ${name}: glider definitions shows those that are`)
        session.answer({ undeployed: name })
      }),
    )

  const action = program.command('action').description('work with action objects')

  addTtlFlag(addNearFlag(addParentsFlag(action.command('create'))))
    .description('make an action object, and its node where there is none')
    .argument('<path>', 'the node')
    .argument('<definition>', 'bundle/Class, or a Class that only one bundle has')
    .option('--interleaved', 'other streams and calls may take a turn while one awaits')
    .addOption(new Option('--params <json>', 'parameters of the object').argParser(json))
    .option('--replace', 'in place of the object that is there')
    .action((path: string, definition: string, flags: CreateFlags) => createObject(session, path, definition, flags))

  action
    .command('read')
    .description('read from an action')
    .argument('<path>', 'the node')
    .argument('[file]', 'file of this machine, - for stdout', '-')
    .action((path: string, file: string) =>
      session.withStore(async (store, call) => {
        const node = await store.lookup(path, 'action', call)
        const tally = { bytes: 0 }
        await writeTarget(session.io, file, counted([], node.createReadStream(call), noBar, tally))
        if (file !== '-') session.answer({ path, file, ...tally })
      }),
    )

  action
    .command('write')
    .description('write to an action')
    .argument('<path>', 'the node')
    .argument('[file]', 'file of this machine, - for stdin', '-')
    .action((path: string, file: string) => writeAction(session, path, file))

  action
    .command('call')
    .description('call a method of an action; the answer is JSON')
    .argument('<path>', 'the node')
    .argument('<name>', 'of the method')
    .argument('[value]', 'JSON value for it', json)
    .action((path: string, name: string, value: unknown) =>
      session.withStore(async (store, call) => {
        const node = await store.lookup(path, 'action', call)
        session.print(JSON.stringify(await node.call(name, value, call)))
      }),
    )

  action
    .command('logs')
    .description('show what an action has logged of late, and go on until it ends or you interrupt')
    .argument('<path>', 'the node')
    .option('--no-follow', 'do not go on')
    .action((path: string, { follow }: { follow: boolean }) =>
      session.withStore(async (store, call) => {
        const node = await store.lookup(path, 'action', call)
        for await (const line of node.logs({ follow, ...call })) session.answer(line, () => [logLine(line)])
      }),
    )

  action
    .command('delete')
    .description('delete an action object; its node stays')
    .argument('<path>', 'the node')
    .addOption(new Option('--mode <mode>', 'what becomes of its streams and calls').choices(['wait', 'abort']).default('wait'))
    .action((path: string, { mode }: { mode: 'wait' | 'abort' }) =>
      session.withStore(async (store, call) => {
        const node = await store.lookup(path, 'action', call)
        const deleted = await node.delete({ mode, ...call })
        if (!deleted) throw new GliderError('NO_ACTION_OBJECT', `${path} has no object: create one before you delete it`)
        session.answer({ path, mode })
      }),
    )
}

async function createObject(session: Session, path: string, definition: string, flags: CreateFlags): Promise<void> {
  const { interleaved, replace = false, params } = flags
  await session.withStore(async (store, call) => {
    await withNode(store, path, 'action', creationOptions(flags), call, node =>
      node.create(definition, { replace, ...(interleaved && { interleaved }), ...(params !== undefined && { params }), ...call }),
    )
    session.answer({ path, definition })
  })
}

async function writeAction(session: Session, path: string, file: string): Promise<void> {
  const { stream, size } = await openSource(session.io, file)
  const bar = progressBar(session.io.stderr, size)
  try {
    await session.withStore(async (store, call) => {
      const node = await store.lookup(path, 'action', call)
      const tally = { bytes: 0 }
      await pipeline(counted([], stream, bar, tally), node.createWriteStream(call), call)
      session.answer({ path, ...tally })
    })
  } finally {
    stream.destroy()
    bar.clear()
  }
}

function logLine({ at, level, message, details }: ActionLogLine): string {
  const text = `${message}${details ? ` ${JSON.stringify(details)}` : ''}`
  // A stack stays on lines of its own.
  return `${isoTime(at)} ${level.padEnd(5)} ${text.split('\n').map(printable).join('\n  ')}`
}

function bundleLines({ name, version, classes }: BundleInfo): string[] {
  return [
    `${name} (version ${version})`,
    ...classes.map(
      ({ name: className, calls }) => `  ${name}/${className}${calls.length > 0 ? `  calls: ${calls.join(', ')}` : ''}`,
    ),
  ]
}
