/**
 * Random sequences of what one client may do, against the namespace as the contract tells it. `GLIDER_MODEL_RUNS` sets how many
 * sequences there are. Where one fails, fast-check shrinks it and prints it with its seed and path; these, and the `replayPath`
 * that it prints, given to `fc.assert` and `fc.commands`, run it again.
 */
import fc from 'fast-check'
import { test } from 'vitest'
import { itLeavesNothing, shareCluster } from '../support/shared-cluster.ts'
import { commands } from './commands.test.helper.ts'
import { Sequence } from './sequence.test.helper.ts'

const runs = Number(process.env['GLIDER_MODEL_RUNS'] ?? 3000)
const shared = shareCluster({ storageServers: 2, activeServers: 0, capacity: '8MiB', blockSize: '8KiB' })

test(
  'whatever one client does, the namespace is what the model says',
  async () => {
    let sequences = 0
    await fc.assert(
      fc.asyncProperty(fc.noBias(fc.commands(commands, { maxCommands: 25, size: 'max' })), async steps => {
        const sequence = await Sequence.begin(shared.store, `/s${sequences++}`)
        try {
          await fc.asyncModelRun(() => ({ model: sequence, real: sequence }), steps)
          await sequence.compare()
        } finally {
          await sequence.end()
        }
        await sequence.expectNothingLeft()
      }),
      { numRuns: runs },
    )
  },
  Math.max(60_000, runs * 60),
)

itLeavesNothing(shared)
