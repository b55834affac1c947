import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { CommandCluster } from './command.test.helper.ts'
import { Interrupted } from './run.ts'

/** More than is put in one operation. */
const LARGE = Buffer.alloc(5 << 20, 'glider ')
const TOO_LARGE = Buffer.alloc(9 << 20)

describe('commands of files', () => {
  let on: CommandCluster
  let folder: string
  beforeAll(async () => {
    on = await CommandCluster.start()
  })
  afterAll(() => on.stop())
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glider-cli-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true })
    for (const { path } of JSON.parse(await on.glider(['ls', '--json'])) as { path: string }[])
      await on.glider(['rm', '-r', path])
  })

  it.each([
    ['small', Buffer.from('hello')],
    ['empty', Buffer.alloc(0)],
    ['large', LARGE],
  ])('carries a %s file there and back, and replaces what was there', async (_, bytes) => {
    const [source, target] = [join(folder, 'source'), join(folder, 'target')]
    await writeFile(source, bytes)
    await writeFile(target, 'old')
    await on.glider(['put', '-', '/file'], { stdin: 'old' })
    expect(await on.glider(['put', source, '/file'])).toBe('')
    expect(await on.glider(['get', '/file', target])).toBe('')
    expect((await readFile(target)).equals(bytes)).toBe(true)
    expect(await readdir(folder)).toEqual(['source', 'target'])
  })

  it('takes - for stdin and stdout', async () => {
    await on.glider(['put', '-p', '-', '/a/b'], { stdin: LARGE })
    expect((await on.try(['get', '/a/b', '-'])).bytes.equals(LARGE)).toBe(true)
    await on.glider(['put', '-', '/c'], { stdin: 'end\n' })
    expect((await on.try(['cat', '/a/b', '/c'])).bytes.equals(Buffer.concat([LARGE, Buffer.from('end\n')]))).toBe(true)
  })

  it('leaves nothing of a file that does not fit, and the old bytes of one that was there', async () => {
    expect(await on.try(['put', '-', '/file'], { stdin: TOO_LARGE })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^glider: NO_SPACE: [^\n]+\n$/),
    })
    expect(await on.glider(['ls'])).toBe('')
    await on.glider(['put', '-', '/file'], { stdin: 'old' })
    expect((await on.try(['put', '-', '/file'], { stdin: TOO_LARGE })).code).toBe(1)
    expect(await on.glider(['cat', '/file'])).toBe('old')
  })

  it('leaves nothing of a file whose source breaks', async () => {
    const broken = async function* (): AsyncGenerator<Buffer> {
      yield LARGE
      throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' })
    }
    const stdin = Readable.from(broken(), { objectMode: false })
    expect(await on.try(['put', '-', '/file'], { stdin })).toMatchObject({ code: 1, stderr: 'glider: EIO: i/o error, read\n' })
    expect(await on.glider(['ls'])).toBe('')
  })

  it('says of a file of this machine that cannot be read or written which one it is, why, and what to do', async () => {
    await on.glider(['put', '-', '/file'], { stdin: 'hello' })
    await writeFile(join(folder, 'plain'), '')
    const refusals: [string[], string][] = [
      [
        ['put', join(folder, 'none'), '/x'],
        `ENOENT: cannot read the file ${folder}/none of this machine: there is no such file: `,
      ],
      [['put', join(folder, 'plain/x'), '/x'], `ENOTDIR: cannot read the file ${folder}/plain/x of this machine: `],
      [['append', folder, '/file'], `EISDIR: cannot read the file ${folder} of this machine: it is a directory: `],
      [
        ['get', '/file', join(folder, 'no/file')],
        `ENOENT: cannot write the file ${folder}/no/file of this machine: there is no `,
      ],
      [['get', '/file', join(folder, 'plain/x')], `ENOTDIR: cannot write the file ${folder}/plain/x of this machine: `],
      [['get', '/file', folder], `EISDIR: cannot write the file ${folder} of this machine: it is a directory: `],
    ]
    for (const [args, says] of refusals) {
      const { code, stderr } = await on.try(args)
      expect({ code, says: stderr.slice(0, `glider: ${says}`.length) }).toEqual({ code: 1, says: `glider: ${says}` })
    }
    expect(await readdir(folder)).toEqual(['plain'])
  })

  it('ends a transfer that is interrupted, exits 130 and leaves nothing', async () => {
    const interrupt = new AbortController()
    const stdin = new PassThrough()
    const putting = on.try(['put', '-', '/file'], { stdin, signal: interrupt.signal })
    stdin.write(LARGE)
    // It is there while its bytes arrive.
    await vi.waitFor(async () => expect(await on.glider(['ls'])).toContain('file'), 20_000)
    interrupt.abort(new Interrupted(130))
    expect(await putting).toMatchObject({ code: 130, stdout: '', stderr: '' })
    expect(await on.glider(['ls'])).toBe('')
  })

  it('keeps the old local file where a get fails', async () => {
    const target = join(folder, 'target')
    await writeFile(target, 'old')
    expect((await on.try(['get', '/missing', target])).stderr).toMatch(/^glider: NOT_FOUND: [^\n]+\n$/)
    expect(await readFile(target, 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['target'])
  })

  it('tells what is wrong with local files in one line', async () => {
    expect(await on.try(['put', join(folder, 'missing'), '/file'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^glider: ENOENT: [^\n]+\n$/),
    })
    expect((await on.try(['put', folder, '/file'])).stderr).toMatch(/^glider: EISDIR: [^\n]+\n$/)
    expect((await on.try(['cat', '/'])).stderr).toMatch(/^glider: TYPE_MISMATCH: [^\n]+\n$/)
  })
})
