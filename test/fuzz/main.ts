/**
 * Fuzzes every face of the servers, and prints what it did: `npm run test:fuzz -- --seed 7 --frames 1000000`. The same seed makes the
 * same input. Exits 1 where something breaks a rule.
 */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    frames: { type: 'string', default: '1000000' },
    /** Times what one run does of everything that is no frame of a plain connection. */
    faces: { type: 'string', default: '1' },
  },
})
const seed = Number(values.seed)
const frames = Number(values.frames)
console.log(`seed ${seed}`)
const times = (count: number): number => Math.round(count * Number(values.faces))
const faces = {
  paths: times(200_000),
  rest: times(20_000),
  webSockets: times(2_000),
  sources: times(300),
  modules: times(60),
  commands: times(1_000),
}
const report = await fuzz({
  seed,
  frames,
  faces,
  progress: text => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`),
})
console.log(JSON.stringify(report, null, 2))
process.exit(0)
