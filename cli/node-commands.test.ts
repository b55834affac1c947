import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CommandCluster } from './command.test.helper.ts'

describe('commands of the tree', () => {
  let on: CommandCluster
  beforeAll(async () => {
    on = await CommandCluster.start()
  })
  afterAll(() => on.stop())

  it('mkdir, ls, mv, stat and rm do as they say', async () => {
    expect(await on.glider(['mkdir', '/a', '/b'])).toBe('')
    await on.glider(['mkdir', '-p', '/a/deep/er', '/b'])
    await on.glider(['put', '-', '/a/file'], { stdin: 'hello' })
    expect(await on.glider(['ls', '/a'])).toBe('directory    -  deep\nfile       5 B  file\n')
    await on.glider(['mv', '/a', '/c'])
    expect(JSON.parse(await on.glider(['ls', '--json']))).toEqual([
      { name: 'b', path: '/b', type: 'directory', size: 0 },
      { name: 'c', path: '/c', type: 'directory', size: 0 },
    ])
    expect(await on.glider(['stat', '/c/file'])).toMatch(/^path {11}\/c\/file\ntype {11}file\nsize {11}5\n/)
    expect(JSON.parse(await on.glider(['stat', '/c/file', '--json']))).toMatchObject({ path: '/c/file', type: 'file', size: 5 })
    await on.glider(['rm', '-r', '/b', '/c'])
    await on.glider(['rm', '-f', '/b'])
    expect(await on.glider(['ls'])).toBe('')
  })

  it('shows names so that they cannot play tricks on a terminal', async () => {
    await on.glider(['mkdir', '/tricks', '/tricks/a\nb\u001b[2J'])
    expect(await on.glider(['ls', '/tricks'])).toBe('directory  -  a\\x0ab\\x1b[2J\n')
  })

  it.each([
    [['rm', '/full'], 'holds 2 nodes: give -r'],
    [['mkdir', '/missing/below'], 'create /missing, or give -p'],
    [['mkdir', '/full/below'], 'or delete it first'],
    [['mkdir', '/new', '/full/below'], '1 of 2 is made, up to /new; then '],
    [['cat', '/missing'], 'check the path'],
  ])('says with its own flags what to do: %j', async (args, words) => {
    await on.glider(['mkdir', '-p', '/full/below'])
    await on.glider(['put', '-', '/full/file'])
    expect((await on.try(args)).stderr).toContain(words)
  })

  it.each([
    ['NOT_FOUND', ['ls', '/missing']],
    ['NOT_FOUND', ['stat', '/missing']],
    ['NOT_FOUND', ['rm', '/missing']],
    ['NOT_FOUND', ['mv', '/missing', '/other']],
    ['NOT_FOUND', ['mkdir', '/missing/below']],
    ['INVALID_PATH', ['mkdir', 'relative']],
    ['ALREADY_EXISTS', ['mkdir', '/full/below']],
    ['TYPE_MISMATCH', ['ls', '/full/file']],
    ['NOT_EMPTY', ['rm', '/full']],
    ['INVALID_ARGUMENT', ['rm', '-r', '/']],
  ])('exits 1 with %s on one line: %j', async (error, args) => {
    await on.glider(['mkdir', '-p', '/full/below'])
    await on.glider(['put', '-', '/full/file'])
    const { code, stdout, stderr } = await on.try(args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^glider: ${error}: [^\\n]+\\n$`))
  })
})
