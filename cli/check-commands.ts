import type { Command } from 'commander'
import type { FsckReport } from '../client/index.ts'
import { formatSize } from '../client/units.ts'
import { Exit } from './exit.ts'
import type { Session } from './session.ts'
import { columns, printable } from './table.ts'

/** Whether all is well: `fsck`. */
export function addCheckCommands(program: Command, session: Session): void {
  program
    .command('fsck')
    .description('compare the tree with what every server holds; exits 1 where something is wrong')
    .option('--repair', 'free blocks and slots that nobody owns')
    .action(({ repair = false }: { repair?: boolean }) =>
      session.withStore(async (store, call) => {
        const report = await store.fsck({ repair, ...call })
        session.answer(report, () => reportLines(report))
        if (!report.clean) throw new Exit(1)
      }),
    )
}

function reportLines({ clean, checked, unchecked, found, repaired, findings }: FsckReport): string[] {
  const { nodes, blocks, slots, servers } = checked
  const lines = [`checked nodes: ${nodes}, blocks: ${blocks}, slots: ${slots}, servers: ${servers}`]
  for (const id of unchecked) lines.push(`${id} does not answer: what it holds was not checked`)
  const rows = findings.map(({ kind, what, server, block, slot, bytes, remedy }) => {
    const where = block === undefined ? (slot === undefined ? server : `${server} slot ${slot}`) : `${server} block ${block}`
    return [kind, where, bytes === undefined ? '-' : formatSize(bytes), printable(`${what}: ${remedy}`)]
  })
  lines.push(...columns(rows, [2]))
  const counts: [number, string][] = [
    [found.orphanedBlocks, 'orphaned blocks'],
    [found.doublyOwnedBlocks, 'doubly owned blocks'],
    [found.lostBlocks, `lost blocks (${formatSize(found.lostBytes)})`],
    [found.leakedSlots, 'leaked slots'],
    [found.wrongCounts, 'wrong counts'],
    [repaired, 'repaired'],
  ]
  const told = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  if (told.length > 0) lines.push(told.join(', '))
  lines.push(clean ? 'clean' : 'not clean')
  return lines
}
