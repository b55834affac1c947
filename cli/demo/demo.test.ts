import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../command.test.helper.ts'
import type { DemoReport } from './demo.ts'

const main = fileURLToPath(new URL('../main.js', import.meta.url))

describe('glider demo', { timeout: 120_000 }, () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glider-demo-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('verifies both jobs and shows what being near the data saves', async () => {
    const { code, stdout, stderr } = await runCommand(['demo', '--size', '8MiB', '--json'])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const { verified, inputBytes, wordcount, sort } = JSON.parse(stdout) as DemoReport
    expect(verified).toBe(true)
    for (const { dataShipping, nearData } of [wordcount, sort]) {
      for (const way of [dataShipping, nearData]) {
        expect(way.bytesMoved).toBe(way.bytesToStore + way.bytesFromStore)
        expect(way.bytesFromStore).toBeGreaterThanOrEqual(inputBytes)
        expect(way.seconds).toBeCloseTo(
          Object.values(way.phases).reduce((sum, seconds) => sum + seconds, 0),
          2,
        )
      }
    }
    expect(sort.nearData.bytesMoved / sort.dataShipping.bytesMoved).toBeLessThanOrEqual(0.52)
    expect(wordcount.nearData.storedPeakBytes / wordcount.dataShipping.storedPeakBytes).toBeLessThanOrEqual(0.3)
    expect(sort.dataShipping.storedPeakBytes).toBe(inputBytes)
    expect(sort.nearData.storedPeakBytes).toBe(inputBytes)
  })

  it('shows tables for people, and takes a text with fewer lines than workers and CRLF at their ends', async () => {
    const text = join(folder, 'text')
    await writeFile(text, 'To be, or not to be\r\nthat is the question\r')
    const { code, stdout } = await runCommand(['demo', '--size', '42', '--workers', '3', '--reducers', '1', '--text', text])
    expect(code).toBe(0)
    expect(stdout).toMatch(/Word count +data-shipping +near-data +ratio\n/)
    expect(stdout).toMatch(/Sort +data-shipping +near-data +ratio\n/)
    expect(stdout).toContain('Both ways gave the same answers')
    expect(stdout).toContain('nothing of speed')
  })

  it('refuses a text that is not there or has nothing in it, in one line', async () => {
    const empty = join(folder, 'empty')
    await writeFile(empty, '')
    for (const [text, error] of [
      [join(folder, 'missing'), 'NOT_FOUND'],
      [empty, 'INVALID_ARGUMENT'],
    ] as const) {
      const { code, stdout, stderr } = await runCommand(['demo', '--text', text])
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(new RegExp(`^glider: ${error}: [^\\n]+\\n$`))
    }
  })

  it('stops every process on SIGINT and exits 130', async () => {
    const child = spawn(process.execPath, [main, 'demo', '--size', '16MiB'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8')
    for await (const piece of child.stderr.iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
      said += piece
      if (said.includes('store the text')) break
    }
    child.kill('SIGINT')
    child.stderr.on('data', (piece: string) => {
      said += piece
    })
    child.stdout.resume()
    // All of its processes share its stderr, so that it closes only when the last one has ended.
    expect(await once(child, 'close')).toEqual([130, null])
    expect(said).not.toContain('glider:')
  })
})
