import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { barLine, progressBar } from './progress-bar.ts'
import type { Output } from './session.ts'

function terminal(isTTY: boolean): { output: Output; shown: string[] } {
  const shown: string[] = []
  const output = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      shown.push(text)
      done()
    },
  })
  return { output: Object.assign(output, { isTTY }), shown }
}

describe('the progress bar', () => {
  it('is on a terminal only', () => {
    const { output, shown } = terminal(false)
    const bar = progressBar(output, 10)
    bar.add(5)
    bar.clear()
    expect(shown).toEqual([])
  })

  it('is drawn again no more often than eyes can follow, and leaves nothing', () => {
    const { output, shown } = terminal(true)
    let now = 0
    const bar = progressBar(output, 4096, () => now)
    for (now = 1; now <= 200; now++) bar.add(16)
    bar.clear()
    expect(shown).toHaveLength(3)
    expect(shown[1]).toContain(' 39% 1.6 KiB of 4.0 KiB')
    expect(shown[2]).toBe('\r\x1b[K')
  })

  it('shows how far it is, or only how much it was where the end is not known', () => {
    expect(barLine(512, 1024)).toBe('[###############...............]  50% 512 B of 1.0 KiB')
    expect(barLine(0, 0)).toContain('100%')
    expect(barLine(2048, undefined)).toBe('2.0 KiB')
  })
})
