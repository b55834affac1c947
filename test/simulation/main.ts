/**
 * Simulates schedules and prints what went wrong in them: `npm run test:simulation -- --schedules 10000 --seed 7`. The seeds are
 * those from the given one on; `--trace` prints what happens in one of them. Exits 1 where something breaks a rule.
 */
import { parseArgs } from 'node:util'
import { simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    schedules: { type: 'string', default: '1000' },
    trace: { type: 'boolean', default: false },
    /** Ends with so many schedules that failed. */
    failures: { type: 'string', default: '1' },
  },
})
const first = Number(values.seed)
const schedules = values.trace ? 1 : Number(values.schedules)
const began = performance.now()
console.log(`seed ${first}`)
let events = 0
let virtualMs = 0
let failures = 0
let ran = 0
for (let seed = first; seed < first + schedules && failures < Number(values.failures); seed++) {
  const result = await simulate(seed, values.trace ? line => console.log(line) : undefined)
  ran++
  events += result.events
  virtualMs += result.virtualMs
  if (result.complaints.length === 0) continue
  failures++
  console.log(`seed ${seed} breaks a rule: see what happens with --seed ${seed} --trace`)
  for (const complaint of result.complaints) console.log(`  ${complaint}`)
}
const seconds = (performance.now() - began) / 1_000
const perMinute = Math.round((ran / seconds) * 60)
console.log(
  `${ran} schedules, ${failures} of them wrong, in ${seconds.toFixed(1)} s: ${perMinute} a minute, ` +
    `${Math.round(events / ran)} events and ${(virtualMs / ran / 1_000).toFixed(0)} s of virtual time each`,
)
process.exit(failures > 0 ? 1 : 0)
