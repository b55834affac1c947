import { describe, expect, it } from 'vitest'
import { failureOf } from '../support/failure.ts'
import { errorOf, textOf, writeAll } from '../support/streams.ts'
import { deployActions } from './support/actions.ts'
import { MiB } from './support/bytes.ts'
import { openDeployment } from './support/deployment.ts'

const deployment = openDeployment()
const actions = deployActions(deployment)

describe('this.store of an action', () => {
  it('reads a file, to filter it where it lies', async () => {
    const file = `${await deployment.directory()}/file`
    const lines = Array.from({ length: 200_000 }, (_, i) => `line ${i}`)
    await deployment.store.put(file, lines.join('\n'))
    const node = await actions.make('Picks', { params: { file, word: '99' } })
    const expected = lines.filter(line => line.includes('99'))
    for (let i = 0; i < 2; i++) expect(await textOf(node.createReadStream())).toBe(`${expected.join('\n')}\n`)
    await deployment.store.delete(file)
    const failure = await errorOf(node.createReadStream().resume())
    expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining(file) })
  })

  it('writes files', async () => {
    const diary = `${await deployment.directory()}/diary`
    const node = await actions.make('Lives', { params: { diary } })
    await node.delete()
    expect((await deployment.store.get(diary)).toString()).toContain('created')
  })

  it('reads and writes tables', async () => {
    const path = `${await deployment.directory()}/table`
    const table = await deployment.store.create(path, 'table')
    await table.put('c', 'from outside')
    const node = await actions.make('Keeps', { params: { table: path } })
    await writeAll(node.createWriteStream(), 'a=1\nb=2\na=3\n')
    expect((await table.get('a')).toString()).toBe('3')
    expect(await textOf(node.createReadStream())).toBe('a=3 b=2 c=from outside')
  })
})

describe('a pipeline of three actions', () => {
  it('passes on what is written, and finishes when the last has taken it', async () => {
    const last = await actions.make('Takes', { params: { way: 'text' } })
    const second = await actions.make('Relay', { params: { to: last.path } })
    const first = await actions.make('Relay', { params: { to: second.path } })
    const text = 'abcdefgh'.repeat(MiB / 16)
    await writeAll(first.createWriteStream(), text)
    // More than a call can carry.
    const taken = await failureOf(last.call('taken')).then(
      ({ code }) => code,
      () => last.call('taken'),
    )
    expect(taken).toBe(text.toUpperCase())
  })

  it('passes on what is read', async () => {
    const last = await actions.make('Lives', { params: { word: 'source' } })
    const second = await actions.make('Relay', { params: { to: last.path } })
    const first = await actions.make('Relay', { params: { to: second.path } })
    expect(await textOf(first.createReadStream())).toBe('<<source>>')
  })

  it('fails as a whole where its last fails, and goes on afterwards', async () => {
    const last = await actions.make('Throws')
    const second = await actions.make('Relay', { params: { to: last.path } })
    const first = await actions.make('Relay', { params: { to: second.path } })
    // Capitals are fine.
    await writeAll(first.createWriteStream(), 'bad\n')
    const missing = await actions.make('Relay', { params: { to: `${last.path}-not` } })
    const start = await actions.make('Relay', { params: { to: missing.path } })
    const failure = await failureOf(writeAll(start.createWriteStream(), 'x'))
    expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining(`${last.path}-not`) })
    const reading = await failureOf(
      textOf(await actions.make('Relay', { params: { to: second.path } }).then(one => one.createReadStream())),
    )
    expect(reading.message).toContain('onRead has no more words')
    await writeAll(first.createWriteStream(), 'good\n')
  })

  it('that comes back to its beginning is BUSY, not waiting for ever', async () => {
    const directory = await deployment.directory()
    const paths = ['a', 'b', 'c'].map(name => `${directory}/${name}`)
    for (const [at, path] of paths.entries()) {
      const node = await deployment.store.create(path, 'action')
      await node.create(`${actions.bundle}/Relay`, { params: { to: paths[(at + 1) % 3] } })
    }
    const first = await deployment.store.lookup(paths[0]!, 'action')
    const failure = await failureOf(writeAll(first.createWriteStream(), 'round'))
    expect(failure).toMatchObject({ code: 'ACTION_FAILED', message: expect.stringContaining('BUSY') })
  })
})
