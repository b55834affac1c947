/** A slice of the simulation. `npm run test:simulation` runs as many schedules as one likes. */
import { expect, it } from 'vitest'
import { simulate } from './simulate.ts'

const FIXED_SEED = 1
const FIXED_SCHEDULES = 250
const OTHER_SCHEDULES = 50
const seed = Number(process.env['GLIDER_SIMULATION_SEED'] ?? Date.now() % 1_000_000_000)

async function failuresFrom(first: number, count: number): Promise<string[]> {
  const failures: string[] = []
  for (let seed = first; seed < first + count; seed++) {
    const { complaints } = await simulate(seed)
    failures.push(...complaints.map(complaint => `seed ${seed}: ${complaint}`))
  }
  return failures
}

it('no schedule breaks a rule', { timeout: 120_000 }, async () => {
  expect(await failuresFrom(FIXED_SEED, FIXED_SCHEDULES)).toEqual([])
})

it(`no other schedule does (GLIDER_SIMULATION_SEED=${seed})`, { timeout: 60_000 }, async () => {
  expect(await failuresFrom(seed, OTHER_SCHEDULES)).toEqual([])
})

it('the same seed gives the same events, one by one, whatever was simulated before', { timeout: 60_000 }, async () => {
  const traceOf = async (seed: number): Promise<string> => {
    const lines: string[] = []
    await simulate(seed, line => void lines.push(line))
    return lines.join('\n')
  }
  const seeds = [3, 14, 15, 92]
  const first: string[] = []
  for (const seed of seeds) first.push(await traceOf(seed))
  await failuresFrom(65, 5)
  for (const [at, seed] of [...seeds.entries()].reverse()) expect(await traceOf(seed)).toBe(first[at])
  expect(new Set(first).size).toBe(seeds.length)
  expect(Math.min(...first.map(trace => trace.length))).toBeGreaterThan(10_000)
})

it('a schedule goes the same way whether somebody watches or not', { timeout: 60_000 }, async () => {
  for (const seed of [3, 14, 15, 92]) expect(await simulate(seed)).toEqual(await simulate(seed, () => {}))
})
