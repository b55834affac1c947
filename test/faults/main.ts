/**
 * A cluster of processes under load while everything goes wrong: `npm run test:faults -- --seed 7 --minutes 30`. The same seed makes
 * the same load and the same faults. Exits 1 where a rule does not hold.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { runFaults } from './run.ts'
import { summaryOf } from './summary.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    minutes: { type: 'string', default: '1.5' },
    /** Prints one JSON object at the end. */
    json: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const durationMs = Number(values.minutes) * 60_000
if (!Number.isSafeInteger(seed) || !(durationMs > 0)) throw new Error('--seed has to be a whole number, and --minutes above 0')
const folder = await mkdtemp(path.join(tmpdir(), 'glider-faults-'))
console.log(`seed ${seed}`)
try {
  const report = await runFaults({ seed, durationMs, folder, say: line => console.log(line) })
  console.log(values.json ? JSON.stringify(report, null, 2) : summaryOf(report))
  process.exitCode = report.broken.length === 0 ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
process.exit()
