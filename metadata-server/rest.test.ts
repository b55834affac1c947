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
  await registerRest(app, cluster.server.operations, cluster.server.access, { version: '1.2.3' })
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
  expect(await post('usage', {})).toMatchObject({ status: 200, body: { nodes: 0, storedBytes: 0, blocks: 0, slots: 0 } })
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
  const { post } = await start()
  const invalid = { status: 400, body: { error: { code: 'INVALID_ARGUMENT' } } }
  expect(await post('stat', '{"path":')).toMatchObject(invalid)
  expect(await post('stat', { path: '/', more: 1 })).toMatchObject(invalid)
  expect(await post('stat', '[]')).toMatchObject(invalid)
  expect(await post('create', {})).toMatchObject(invalid)
  expect(await post('stat', `"${'x'.repeat(2 << 20)}"`)).toMatchObject(invalid)
  for (const operation of ['nothing', 'register', 'openWrite']) {
    expect(await post(operation, {})).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } })
  }
})

test('whatever else is asked for on the port fails as an operation does', async () => {
  const { app } = await start()
  for (const [method, url] of [
    ['GET', '/v1/stat'],
    ['POST', '/v1/nothing'],
    ['GET', '/'],
    ['GET', '/nope?x=1'],
    ['POST', '/metrics'],
  ] as const) {
    const answer = await app.inject({ method, url })
    expect(answer.statusCode).toBe(404)
    const message = expect.stringMatching(new RegExp(`^there is no ${method} ${url.replace('?', '\\?')}: .*/openapi.json`))
    expect(answer.json()).toEqual({ error: { code: 'NOT_FOUND', message } })
  }
})

test('a body that cannot be read says how to send one', async () => {
  const { app } = await start()
  const refusal = async (type: string, payload: string): Promise<string> => {
    const answer = await app.inject({ method: 'POST', url: '/v1/stat', payload, headers: { 'content-type': type } })
    expect(answer.statusCode).toBe(400)
    return answer.json().error.message
  }
  expect(await refusal('text/plain', '{}')).toMatch(/: send JSON, .*application\/json/)
  expect(await refusal('application/json', '')).toMatch(/: send \{\}/)
  expect(await refusal('application/json', '{"path":')).toMatch(/: send one JSON object/)
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

test('small values are put and got in base64, and larger ones refused', async () => {
  const { cluster, post } = await start()
  const put = (path: string, bytes: Buffer) => post('put', { path, bytes: bytes.toString('base64') })
  const stored = { status: 200, body: { stored: true, inlineBytes: 4096 } }
  const some = Buffer.from([0, 1, 254, 255])
  expect(await put('/f', some)).toEqual(stored)
  expect(await post('get', { path: '/f' })).toEqual({ status: 200, body: { bytes: some.toString('base64') } })
  const table = (await post('create', { path: '/t', type: 'table' })).body.node
  expect(await post('put', { node: table, key: 'k', bytes: '' })).toEqual(stored)
  expect(await post('get', { path: '/t/k' })).toEqual({ status: 200, body: { bytes: '' } })
  const refused = { status: 400, body: { error: { code: 'INVALID_ARGUMENT' } } }
  const large = await put('/g', Buffer.alloc(4097))
  expect(large).toMatchObject(refused)
  expect(large.body.error.message).toContain('/g')
  expect(await post('get', { path: '/g' })).toMatchObject({ status: 404 })
  for (const bytes of ['%', undefined, 3]) expect(await post('put', { path: '/g', bytes })).toMatchObject(refused)
  cluster.joinStorage(1)
  const { claim } = await cluster.ask('openWrite', { path: '/h', mode: 'put' })
  await cluster.ask('commit', { claim, size: 5000, close: true })
  expect(await post('get', { path: '/h' })).toMatchObject(refused)
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

test('leases are taken, renewed and released by hand', async () => {
  const { cluster, post } = await start()
  const made = await post('create', { path: '/d', type: 'directory', ttlMs: 60_000 })
  const { body } = await post('takeLease', { path: '/d', ttlMs: 1000 })
  expect(body).toMatchObject({ node: made.body.node, path: '/d' })
  const name = { node: body.node, lease: body.lease }
  await cluster.clock.advance(900)
  expect(await post('renewLease', name)).toEqual({ status: 200, body: {} })
  await cluster.clock.advance(900)
  expect(await post('releaseLease', name)).toEqual({ status: 200, body: {} })
  expect(await post('renewLease', name)).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } })
  await cluster.clock.advance(59_000 + 2000)
  expect((await post('exists', { path: '/d' })).body).toEqual({ exists: false })
})
