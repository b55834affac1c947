import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { runFaults } from './run.ts'
import { summaryOf } from './summary.ts'

const seed = Number(process.env['GLIDER_FAULTS_SEED'] ?? Date.now() % 1_000_000)
const DURATION_MS = 90_000

it(`keeps every promise while servers, connections and clients fail (GLIDER_FAULTS_SEED=${seed})`, {
  timeout: DURATION_MS + 300_000,
}, async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'glider-faults-'))
  const said: string[] = []
  try {
    const report = await runFaults({ seed, durationMs: DURATION_MS, folder, say: line => said.push(line) })
    if (report.broken.length > 0) console.log(said.join('\n'))
    console.log(summaryOf(report))
    expect(report.broken).toEqual([])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
