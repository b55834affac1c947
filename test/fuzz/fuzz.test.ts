import { describe, expect, it } from 'vitest'
import { Chance } from './chance.ts'
import { fuzz } from './fuzz.ts'

const seed = Number(process.env['GLIDER_FUZZ_SEED'] ?? Date.now() % 1_000_000)

describe('a slice of the fuzzing of all faces', () => {
  it(`breaks no rule (GLIDER_FUZZ_SEED=${seed})`, { timeout: 60_000 }, async () => {
    const faces = { paths: 2_000, rest: 200, webSockets: 20, sources: 3, modules: 2, commands: 20 }
    const report = await fuzz({ seed, frames: 3_000, faces, progress: () => {} })
    expect(report).toMatchObject({ seed, faces })
    const tallies = Object.values(report.frames)
    expect(tallies.reduce((sum, { mutated }) => sum + mutated, 0)).toBeGreaterThanOrEqual(3_000)
    for (const { frames, mutated } of tallies) expect(frames).toBeGreaterThan(2 * mutated)
  })

  it('is the same for the same seed', () => {
    const numbers = (given: number): number[] => {
      const chance = new Chance(given)
      return Array.from({ length: 20 }, () => chance.below(1_000))
    }
    expect(numbers(7)).toEqual(numbers(7))
    expect(numbers(7)).not.toEqual(numbers(8))
  })
})
