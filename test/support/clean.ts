import { expect } from 'vitest'
import type { FsckReport, StoreClient } from '../../client/index.ts'

const nothing = { orphanedBlocks: 0, doublyOwnedBlocks: 0, lostBlocks: 0, lostBytes: 0, leakedSlots: 0, wrongCounts: 0 }

/** The tree and the servers agree, once every server answers or is known to be dead; but for the data that the test has lost itself. */
export async function expectClean(
  store: StoreClient,
  lost: { lostBlocks?: number; lostBytes?: number } = {},
): Promise<FsckReport> {
  let report: FsckReport
  do report = await store.fsck()
  while (report.unchecked.length > 0)
  const others = report.findings.filter(({ kind }) => kind !== 'lostData' || !lost.lostBlocks)
  expect({ ...report.found, others }).toEqual({ ...nothing, ...lost, others: [] })
  return report
}
