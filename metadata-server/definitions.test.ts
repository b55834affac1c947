import { expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import { codeOf, FakeCluster, messageOf, standard } from './fakes.test.helper.ts'

const classes = [{ name: 'Sum', calls: ['size'] }]

function withActive(names = ['Sum']) {
  const cluster = new FakeCluster()
  const active = cluster.joinActive(4)
  active.connection.respond(catalogue.inspectBundle, () => ({ classes: names.map(name => ({ name, calls: ['size'] })) }))
  const deploy = (name: string, code: string) =>
    cluster.stream('deploy', { name }, [Buffer.from(code)]).then(({ answer }) => answer)
  return { cluster, active, deploy }
}

test('a deployed bundle has a version from its content, can be fetched, and its classes used', async () => {
  const { cluster, deploy } = withActive()
  const bundle = await deploy('mine', 'code')
  expect(bundle).toEqual({ name: 'mine', version: expect.stringMatching(/^[0-9a-f]{32}$/), classes })
  expect(await deploy('mine', 'code')).toEqual(bundle)
  expect((await cluster.ask('definitions', {})).bundles).toEqual([bundle, standard])
  expect((await cluster.stream('fetchBundle', { version: bundle.version })).written.toString()).toBe('code')
  await cluster.ask('create', { path: '/a', type: 'action' })
  const info = await cluster.ask('createObject', { path: '/a', definition: 'Sum' })
  expect(info.object).toMatchObject({ definition: 'mine/Sum', version: bundle.version })
})

test('the code can be fetched while it is being inspected, and is dropped when that fails', async () => {
  const { cluster, active, deploy } = withActive()
  let fetched = ''
  let version = ''
  active.connection.respond(catalogue.inspectBundle, async head => {
    version = head.version
    fetched = (await cluster.stream('fetchBundle', { version })).written.toString()
    throw new GliderError('INVALID_ARGUMENT', 'mine.ts:3: unexpected token')
  })
  expect(await codeOf(deploy('mine', 'broken'))).toBe('INVALID_ARGUMENT')
  expect(fetched).toBe('broken')
  expect(await codeOf(cluster.stream('fetchBundle', { version }))).toBe('NOT_FOUND')
  expect((await cluster.ask('definitions', {})).bundles).toEqual([standard])
})

test('a bundle without an action, or too large a one, registers nothing', async () => {
  const { cluster, deploy } = withActive([])
  expect(await codeOf(deploy('mine', 'code'))).toBe('INVALID_ARGUMENT')
  const large = Array.from({ length: 17 }, () => Buffer.alloc(1 << 20))
  expect(await codeOf(cluster.stream('deploy', { name: 'mine' }, large))).toBe('INVALID_ARGUMENT')
  expect((await cluster.ask('definitions', {})).bundles).toEqual([standard])
})

test('no more than 16 bundles are taken in at the same time', async () => {
  const { active, deploy } = withActive()
  let go = (): void => {}
  const going = new Promise<void>(resolve => {
    go = resolve
  })
  active.connection.respond(catalogue.inspectBundle, () => going.then(() => ({ classes })))
  const deploying = Array.from({ length: 16 }, (_, index) => deploy(`b${index}`, `code ${index}`))
  expect(await codeOf(deploy('late', 'late'))).toBe('BUSY')
  go()
  await Promise.all(deploying)
  expect(await deploy('late', 'late')).toMatchObject({ name: 'late' })
})

test('without an active server a deployment is UNAVAILABLE and says what is needed', async () => {
  const cluster = new FakeCluster()
  const deploying = cluster.stream('deploy', { name: 'mine' }, [Buffer.from('x')])
  expect(await codeOf(deploying)).toBe('UNAVAILABLE')
  expect(await messageOf(deploying)).toContain('the namespace default has no active server: start one with --namespace default')
})

test('where a definition is missing for want of an active server, that is what is said', async () => {
  const cluster = new FakeCluster()
  await cluster.ask('create', { path: '/a', type: 'action' })
  for (const definition of ['std/Merge', 'Merge', 'mine/Merge']) {
    const creating = cluster.ask('createObject', { path: '/a', definition })
    expect(await codeOf(creating)).toBe('NOT_FOUND')
    expect(await messageOf(creating)).toContain(', and the namespace default has no active server: start one with')
  }
  cluster.joinActive(1)
  expect(await messageOf(cluster.ask('createObject', { path: '/a', definition: 'mine/Merge' }))).toContain('deploy it first')
})

test('a bundle name is one part of a path, and not that of a built-in bundle', async () => {
  const { deploy } = withActive()
  for (const name of ['', 'a/b', '..', 'std', 'a\0b']) expect(await codeOf(deploy(name, 'code'))).toBe('INVALID_ARGUMENT')
})

test('a bare class means the own bundles first, then the built-in ones; two candidates are refused', async () => {
  const { cluster, deploy } = withActive(['Merge'])
  await cluster.ask('create', { path: '/a', type: 'action' })
  const make = (definition: string) => cluster.ask('createObject', { path: '/a', definition, replace: true })
  expect((await make('Merge')).object?.definition).toBe('std/Merge')
  await deploy('one', 'code 1')
  expect((await make('Merge')).object?.definition).toBe('one/Merge')
  await deploy('two', 'code 2')
  expect(await codeOf(make('Merge'))).toBe('INVALID_ARGUMENT')
  expect((await make('two/Merge')).object?.definition).toBe('two/Merge')
  expect(await codeOf(make('None'))).toBe('NOT_FOUND')
  expect(await codeOf(make('none/Merge'))).toBe('NOT_FOUND')
  expect(await codeOf(make('a/b/Merge'))).toBe('NOT_FOUND')
})

test('undeploy takes the code with it, is BUSY while objects live, and when forced leaves them theirs', async () => {
  const { cluster, deploy } = withActive()
  const undeploy = (name: string, force?: boolean) =>
    cluster.ask('undeploy', { name, ...(force !== undefined && { force }) }).then(({ undeployed }) => undeployed)
  const first = await deploy('mine', 'code 1')
  expect(await undeploy('other')).toBe(false)
  expect(await codeOf(undeploy('std'))).toBe('INVALID_ARGUMENT')
  await cluster.ask('create', { path: '/a', type: 'action' })
  await cluster.ask('createObject', { path: '/a', definition: 'mine/Sum' })
  expect(await codeOf(undeploy('mine'))).toBe('BUSY')
  expect(await messageOf(undeploy('mine'))).toContain('1 object of it lives')
  expect(await undeploy('mine', true)).toBe(true)
  expect((await cluster.ask('definitions', {})).bundles).toEqual([standard])
  const fetch = () => codeOf(cluster.stream('fetchBundle', { version: first.version }))
  expect(await fetch()).toBe('no error')
  expect(await codeOf(cluster.ask('createObject', { path: '/a', definition: 'mine/Sum', replace: true }))).toBe('NOT_FOUND')
  await cluster.ask('delete', { path: '/a' })
  expect(await fetch()).toBe('NOT_FOUND')
  const second = await deploy('mine', 'code 2')
  expect(await undeploy('mine')).toBe(true)
  expect(await codeOf(cluster.stream('fetchBundle', { version: second.version }))).toBe('NOT_FOUND')
})

test('what says itself that it is too large is refused before a byte of it was read', async () => {
  const { cluster } = withActive()
  const deploying = cluster.stream('deploy', { name: 'mine', file: 'src/mine.ts', size: (16 << 20) + 1 }, [Buffer.from('x')])
  expect(await messageOf(deploying)).toMatch(/^src\/mine\.ts:1:1: .*16777217/)
})

test('old code stays while an object made from it lives', async () => {
  const { cluster, deploy } = withActive()
  const first = await deploy('mine', 'code 1')
  await cluster.ask('create', { path: '/a', type: 'action' })
  await cluster.ask('createObject', { path: '/a', definition: 'mine/Sum' })
  await deploy('mine', 'code 2')
  const fetch = () => codeOf(cluster.stream('fetchBundle', { version: first.version }))
  expect(await fetch()).toBe('no error')
  await cluster.ask('delete', { path: '/a' })
  await deploy('mine', 'code 3')
  expect(await fetch()).toBe('NOT_FOUND')
})
