import type { Command } from 'commander'
import { GliderError, type NamespaceInfo, type StoreClient, type Usage } from '../client/index.ts'
import type { Session } from './session.ts'
import { columns } from './table.ts'

/** What namespaces hold and have had: `usage`. */
export function addUsageCommand(program: Command, session: Session): void {
  program
    .command('usage')
    .description('what your namespace holds and has had so far; for operators, what each has')
    .action(() =>
      session.withStore(async (store, call) => {
        const all = await allOf(store, call)
        if (all) session.answer(all, () => tableOf(all))
        else {
          const own = await store.usage(call)
          session.answer(own, () => listOf(own))
        }
      }),
    )
}

/** Undefined for who is no operator. */
async function allOf(store: StoreClient, call: Parameters<StoreClient['namespaces']>[0]): Promise<Named[] | undefined> {
  try {
    return (await store.namespaces(call)).map(({ name, usage }) => ({ name, ...usage }))
  } catch (error) {
    if (error instanceof GliderError && error.code === 'FORBIDDEN') return undefined
    throw error
  }
}

type Named = Usage & Pick<NamespaceInfo, 'name'>

const heads = ['NODES', 'BYTES', 'SLOTS', 'BYTE-SECONDS', 'INLINE', 'SLOT-SECONDS', 'OPERATIONS', 'IN', 'OUT', 'ACTION-MS']

function cellsOf({ nodes, storedBytes, slots, consumed }: Usage): string[] {
  const { byteSeconds, inlineByteSeconds, slotSeconds, operations, bytesIn, bytesOut, actionMs } = consumed
  const stored = Object.entries(byteSeconds).map(([name, value]) => `${name}=${Math.round(value)}`)
  const had = [inlineByteSeconds, slotSeconds, operations, bytesIn, bytesOut, actionMs].map(value => `${Math.round(value)}`)
  return [`${nodes}`, `${storedBytes}`, `${slots}`, stored.join(',') || '0', ...had]
}

function tableOf(all: readonly Named[]): string[] {
  return columns([['NAMESPACE', ...heads], ...all.map(one => [one.name, ...cellsOf(one)])])
}

function listOf(own: Usage): string[] {
  const cells = cellsOf(own)
  return columns(heads.map((head, at) => [head.toLowerCase(), cells[at]!]))
}
