import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Command, CommanderError } from 'commander'
import { afterEach, expect, test, vi } from 'vitest'
import { RedisPeers } from '../redis/redis-peers.ts'
import { addBandwidth } from './command.ts'
import { type FigureName, figureKinds } from './figures.ts'
import { jsonOf, mediansOf, tableOf } from './report.ts'
import type { Measured } from './stage.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

const keys = [
  ...['socketWrite', 'fileWrite', 'actionWrite', 'socketRead', 'fileRead', 'actionRead'],
  ...['socketWrite64KiB', 'socketRead64KiB', 'fileWrite64KiB', 'fileRead64KiB'],
  ...['socketWrite1KiB', 'socketRead1KiB', 'blockWrite1KiB', 'blockRead1KiB'],
  ...['pairLatencyWrite1KiB', 'pairLatencyRead1KiB', 'pairLatencySpinWrite1KiB', 'pairLatencySpinRead1KiB'],
  ...['latencyWrite1KiB', 'latencyRead1KiB', 'latencySpinWrite1KiB', 'latencySpinRead1KiB'],
  ...['redisLatencySet1KiB', 'redisLatencyGet1KiB', 'ws', 'wsWrite', 'wsRead'],
  ...['redisBenchmarkSet', 'redisBenchmarkGet', 'ioredisSet', 'ioredisGet', 'nodeRedisSet', 'nodeRedisGet'],
] as const

function allBut(...missing: FigureName[]): Measured {
  const names = Object.keys(figureKinds) as FigureName[]
  return Object.fromEntries(names.filter(name => !missing.includes(name)).map(name => [name, [100, 300, 200.6]]))
}

function linesOf(measured: Measured): { of: (name: string) => string; all: string[] } {
  const all = tableOf(mediansOf(measured), ['large', 'latency', 'memory'])
  return { all, of: name => all.find(line => line.startsWith(`${name} `)) ?? '' }
}

test('the JSON has the median of each figure', () => {
  const json = jsonOf(mediansOf(allBut()))
  expect(json).toEqual(expect.objectContaining(Object.fromEntries(keys.map(key => [key, 201]))))
  expect(jsonOf({ latency: 11_333.6, growth: 2.3781 })).toEqual({ latency: 11_334, growth: 2.38 })
})

test('the JSON has null for what was not measured', () => {
  expect(jsonOf(mediansOf({}))).toEqual(Object.fromEntries(Object.keys(figureKinds).map(name => [name, null])))
})

test('every figure is held against others that there are', () => {
  const kinds = Object.values(figureKinds) as { targets?: readonly { of: readonly string[] }[] }[]
  const bases = kinds.flatMap(({ targets = [] }) => targets.flatMap(({ of }) => of))
  expect(bases.length).toBeGreaterThan(0)
  for (const base of bases) expect(figureKinds).toHaveProperty(base)
})

test('the table shows the ratio and what is to be reached beside each figure', () => {
  const { of, all } = linesOf({ ...allBut(), fileWrite: [400], socketWrite: [500], redisBenchmarkSet: [320], ioredisSet: [50] })
  expect(of('fileWrite')).toMatch(/ 400 MB\/s +0\.80 +socketWrite +at least 0\.85: missed$/)
  const next = all.indexOf(of('fileWrite')) + 1
  expect(all[next]).toMatch(/^ +1\.25 +redisBenchmarkSet +at least 1\.2$/)
  expect(all[next + 1]).toMatch(/^ +1\.99 +ioredisSet, nodeRedisSet +at least 1\.7$/)
  expect(of('serverGrowth')).toMatch(/ 201 MiB +at most 64: missed$/)
  expect(linesOf({ ...allBut(), serverGrowth: [2.378] }).of('serverGrowth')).toMatch(/ 2\.38 MiB +at most 64$/)
})

test('the table says what is not installed, and holds nothing against it', () => {
  const { of, all } = linesOf(
    allBut('redisBenchmarkSet', 'ioredisSet', 'nodeRedisSet', 'redisLatencySet1KiB', 'latencySpinWrite1KiB'),
  )
  for (const name of ['redisBenchmarkSet', 'ioredisSet', 'nodeRedisSet', 'redisLatencySet1KiB']) {
    expect(of(name)).toMatch(/ not installed$/)
  }
  expect(of('latencySpinWrite1KiB')).toMatch(/ not measured$/)
  expect(of('latencyWrite1KiB')).toMatch(/redisLatencySet1KiB +at least 2\.3: nothing to hold it against$/)
  expect(all.join('\n')).not.toMatch(/Infinity|NaN/)
})

test('where there is no redis-server on the PATH there is no peer', async () => {
  vi.stubEnv('PATH', '')
  await expect(RedisPeers.start({ valueBytes: 10, keys: 1, autoPipelining: false })).resolves.toBeUndefined()
})

test('a run without Redis prints one JSON object, with null for it and for what was not asked for', async () => {
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  const flags = ['bandwidth', '--only', 'latency', '--rounds', '1', '--amount', '8', '--json']
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...flags], { env: { ...process.env, PATH: '' } })
  const { bandwidth } = JSON.parse(stdout) as { bandwidth: Record<string, number | null> }
  expect(Object.keys(bandwidth)).toEqual(Object.keys(figureKinds))
  expect(bandwidth['latencyWrite1KiB']).toBeGreaterThan(0)
  expect(bandwidth['latencyRead1KiB']).toBeGreaterThan(0)
  const others = Object.entries(bandwidth).filter(([name]) => !/^(pairL|l)atency/.test(name))
  expect(others).toEqual(others.map(([name]) => [name, null]))
})

test('the command refuses parts that it does not have', async () => {
  const program = new Command().exitOverride()
  addBandwidth(program)
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => {} })
  const refused = program.parseAsync(['bandwidth', '--only', 'large,huge'], { from: 'user' })
  await expect(refused).rejects.toBeInstanceOf(CommanderError)
  await expect(refused).rejects.toThrow(/no huge/)
})
