/** Tables, bags, and where nodes are put. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { CommandCluster } from './command.test.helper.ts'

/** More than is put in one operation. */
const LARGE = Buffer.alloc(5 << 20, 'large ')

describe('tables and bags', () => {
  let on: CommandCluster
  beforeAll(async () => {
    on = await CommandCluster.start({ capacity: '32MiB', storageServers: [{}, { storageClass: 'cold' }] })
  })
  afterAll(() => on.stop())

  it('create makes a table, whose keys are put, read, listed and deleted by path', async () => {
    await on.glider(['create', 'table', '/table'])
    await on.glider(['put', '-', '/table/small'], { stdin: 'value' })
    await on.glider(['put', '-', '/table/large'], { stdin: LARGE })
    expect(await on.glider(['cat', '/table/small'])).toBe('value')
    const large = await on.try(['get', '/table/large'])
    expect(large.bytes.equals(LARGE)).toBe(true)
    expect(await on.glider(['ls', '/table'])).toBe('keyvalue  5.0 MiB  large\nkeyvalue      5 B  small\n')
    expect(await on.glider(['stat', '/table/large'])).toContain('keyvalue')
    await on.glider(['rm', '/table/large'])
    expect(await on.glider(['ls', '/table'])).toBe('keyvalue  5 B  small\n')
    await on.glider(['rm', '-r', '/table'])
  })

  it('append adds parts to a bag, which are read together', async () => {
    await on.glider(['create', 'bag', '-p', '/deep/bag'])
    await Promise.all(['one\n', 'two\n', 'three\n'].map(stdin => on.glider(['append', '-', '/deep/bag'], { stdin })))
    expect((await on.glider(['cat', '/deep/bag'])).trim().split('\n').sort()).toEqual(['one', 'three', 'two'])
    expect(await on.glider(['ls', '/deep'])).toBe('bag  14 B  bag\n')
    await on.glider(['rm', '-r', '/deep'])
  })

  it('append adds bytes to a file, and to nothing else', async () => {
    await on.glider(['put', '-', '/file'], { stdin: 'begin' })
    await on.glider(['append', '-', '/file'], { stdin: ', end' })
    expect(await on.glider(['cat', '/file'])).toBe('begin, end')
    for (const path of ['/', '/missing']) {
      expect((await on.try(['append', '-', path], { stdin: 'x' })).stderr).toMatch(/^glider: (TYPE_MISMATCH|NOT_FOUND): /)
    }
    await on.glider(['rm', '/file'])
  })

  it('--class and --near say where bytes go', async () => {
    await on.glider(['mkdir', '--class', 'cold', '/cold'])
    await on.glider(['put', '--class', 'cold', '-', '/large'], { stdin: LARGE })
    await on.glider(['put', '-', '/cold/below'], { stdin: 'x' })
    await on.glider(['put', '-p', '--near', '/large', '-', '/a/b'], { stdin: 'x' })
    for (const path of ['/cold/below', '/large']) expect(await on.glider(['stat', path])).toMatch(/^storage class +cold$/m)
    const servers = JSON.parse(await on.glider(['servers', '--json'])) as { storageClass: string; used: number }[]
    expect(servers.find(({ storageClass }) => storageClass === 'cold')?.used).toBe(5)
    const only = await on.try(['put', '--class', 'cold,nowhere', '-', '/x'], { stdin: 'x' })
    expect(only).toMatchObject({ code: 1, stderr: expect.stringMatching(/^glider: INVALID_ARGUMENT: .*nowhere/) })
    await on.glider(['rm', '-r', '/cold', '/large', '/a'])
  })

  it('--ttl deletes what was made, with everything below, after its time', async () => {
    await on.glider(['mkdir', '--ttl', '200ms', '/short'])
    await on.glider(['create', 'bag', '--ttl', '200ms', '/bag'])
    await on.glider(['action', 'create', '--ttl', '200ms', '--near', '/', '/action', 'std/Counter'])
    await vi.waitFor(async () => expect(await on.glider(['ls'])).toBe(''), { timeout: 10_000 })
  })

  it('create refuses types that there are none of', async () => {
    expect(await on.try(['create', 'cupboard', '/x'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^glider: INVALID_ARGUMENT: .*cupboard/),
    })
  })
})

describe('servers', () => {
  it('drain and remove take a server out; what it held is told by stat and fsck', async () => {
    const on = await CommandCluster.start({ capacity: '8MiB', storageServers: 2, activeServers: 0 })
    await on.glider(['put', '-', '/file'], { stdin: LARGE })
    const [one, two] = (JSON.parse(await on.glider(['servers', '--json'])) as { id: string; used: number }[]).sort(
      (a, b) => b.used - a.used,
    )
    expect(await on.glider(['servers', 'drain', one!.id, '--no-wait'])).toBe(
      `${one!.id} is draining: it holds ${one!.used} blocks\n`,
    )
    expect(await on.glider(['servers'])).toMatch(new RegExp(`^${one!.id} .* draining .* 0 of 8 blocks free$`, 'm'))
    expect((await on.try(['servers', 'remove', one!.id])).stderr).toMatch(/^glider: NOT_EMPTY: [^\n]+\n$/)
    const waiting = on.glider(['servers', 'drain', two!.id])
    await on.glider(['rm', '/file'])
    expect((await waiting).split('\n').at(-2)).toBe(`${two!.id} is empty: it can be removed`)
    expect(await on.glider(['servers', 'remove', two!.id])).toBe(`${two!.id} is out of the cluster; it holds nothing\n`)
    expect(await on.glider(['servers'])).not.toContain(two!.id)
    expect((await on.try(['servers', 'drain', two!.id])).stderr).toMatch(/^glider: NOT_FOUND: [^\n]+\n$/)
    await on.stop()
  })

  it('what is lost is told by stat, and by fsck, which exits 1', async () => {
    const on = await CommandCluster.start({ capacity: '8MiB', storageServers: 1, activeServers: 0 })
    await on.glider(['put', '-', '/file'], { stdin: LARGE })
    expect(await on.glider(['fsck'])).toBe('checked nodes: 1, blocks: 5, slots: 0, servers: 1\nclean\n')
    await on.glider(['servers', 'remove', 'storage-1', '--force'])
    expect(await on.glider(['stat', '/file'])).toMatch(/^lost bytes +5242880$/m)
    const { code, stdout, stderr } = await on.try(['fsck'])
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout.split('\n')).toEqual([
      'checked nodes: 1, blocks: 5, slots: 0, servers: 0',
      expect.stringMatching(
        /^lostData {2}storage-1 block 0 {2}5.0 MiB {2}bytes of \/file are lost: storage-1 at \S+ is gone: replace or delete it$/,
      ),
      '5 lost blocks (5.0 MiB)',
      'not clean',
      '',
    ])
    const json = await on.try(['fsck', '--repair', '--json'])
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout)).toMatchObject({ clean: false, found: { lostBytes: 5 << 20 }, repaired: 0 })
    await on.glider(['rm', '/file'])
    await on.stop()
  })
})
