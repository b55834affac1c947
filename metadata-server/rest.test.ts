import Fastify from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { catalogue } from '../protocol/catalogue.ts'
import { FakeCluster } from './fakes.test.helper.ts'
import { registerRest } from './rest.ts'

const apps: { close(): Promise<unknown> }[] = []

afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
})

async function start() {
  const cluster = new FakeCluster()
  const app = Fastify()
  apps.push(app)
  await registerRest(app, cluster.server.operations, { version: '1.2.3' })
  await app.ready()
  const post = async (operation: string, body: unknown) => {
    const payload = typeof body === 'string' ? body : JSON.stringify(body)
    const headers = { 'content-type': 'application/json' }
    const answer = await app.inject({ method: 'POST', url: `/v1/${operation}`, payload, headers })
    return { status: answer.statusCode, body: answer.json() }
  }
  return { cluster, app, post }
}

test('operations take their head as body and give their answer', async () => {
  const { post } = await start()
  const made = await post('create', { path: '/ä/f', type: 'file', parents: true })
  expect(made).toMatchObject({ status: 200, body: { path: '/ä/f', type: 'file', size: 0 } })
  expect((await post('list', { path: '/ä' })).body.entries).toEqual([{ name: 'f', type: 'file', size: 0 }])
  expect(await post('delete', { path: '/ä', recursive: true })).toEqual({ status: 200, body: { deleted: true } })
  expect(await post('usage', {})).toEqual({ status: 200, body: { nodes: 0, storedBytes: 0, blocks: 0, slots: 0 } })
})

test('failures have the status of the table and name the path', async () => {
  const { post } = await start()
  const missing = await post('stat', { path: '/none' })
  expect(missing).toEqual({ status: 404, body: { error: { code: 'NOT_FOUND', message: expect.stringContaining('/none') } } })
  expect(await post('stat', { path: 'none' })).toMatchObject({ status: 400, body: { error: { code: 'INVALID_PATH' } } })
  await post('create', { path: '/f', type: 'file' })
  expect(await post('create', { path: '/f', type: 'file' })).toMatchObject({
    status: 409,
    body: { error: { code: 'ALREADY_EXISTS' } },
  })
})

test('a body that makes no sense is INVALID_ARGUMENT, an operation that is not there NOT_FOUND', async () => {
  const { app, post } = await start()
  const invalid = { status: 400, body: { error: { code: 'INVALID_ARGUMENT' } } }
  expect(await post('stat', '{"path":')).toMatchObject(invalid)
  expect(await post('stat', { path: '/', more: 1 })).toMatchObject(invalid)
  expect(await post('stat', '[]')).toMatchObject(invalid)
  expect(await post('create', {})).toMatchObject(invalid)
  expect(await post('stat', `"${'x'.repeat(2 << 20)}"`)).toMatchObject(invalid)
  for (const operation of ['nothing', 'register', 'openWrite']) {
    expect(await post(operation, {})).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } })
  }
  expect((await app.inject({ method: 'GET', url: '/v1/stat' })).statusCode).toBe(404)
})

test('a bundle is deployed as base64', async () => {
  const { cluster, post } = await start()
  const active = cluster.joinActive(1)
  active.connection.respond(catalogue.inspectBundle, () => ({ classes: [{ name: 'Sum', calls: [] }] }))
  const bytes = Buffer.from('export class Sum {}').toString('base64')
  const deployed = await post('deploy', { name: 'mine', bytes })
  expect(deployed).toMatchObject({ status: 200, body: { name: 'mine', classes: [{ name: 'Sum' }] } })
  expect((await cluster.stream('fetchBundle', { version: deployed.body.version })).written.toString()).toBe('export class Sum {}')
  expect(await post('deploy', { name: 'mine', bytes: '%' })).toMatchObject({ status: 400 })
  expect(await post('deploy', { name: 'mine' })).toMatchObject({ status: 400 })
})

test('the description names the operations with their bodies and answers', async () => {
  const { app } = await start()
  const { paths, openapi, info } = (await app.inject({ method: 'GET', url: '/openapi.json' })).json()
  expect(openapi).toMatch(/^3\./)
  expect(info.version).toBe('1.2.3')
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/v1/create', '/v1/deploy', '/v1/servers', '/v1/createObject']))
  for (const hidden of ['/v1/register', '/v1/writeBlock', '/v1/openWrite', '/v1/{*}', '/v1/*'])
    expect(paths).not.toHaveProperty([hidden])
  const create = paths['/v1/create'].post
  expect(create.requestBody.content['application/json'].schema.properties.path.type).toBe('string')
  expect(create.responses['200'].content['application/json'].schema.properties.node.type).toBe('integer')
})
