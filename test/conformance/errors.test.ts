import { type ErrorCode, GliderError, type StoreClient } from 'glider'
import { describe, expect, it } from 'vitest'
import { codeOf, failureOf } from '../support/failure.ts'
import { ended, textOf, writeAll, written } from '../support/streams.ts'
import { openDeployment } from './support/deployment.ts'
import { fullClass, unknownClass } from './support/tree.ts'

const deployment = openDeployment()

/** HTTP status, and whether a retry can help. */
const table: Record<ErrorCode, readonly [status: number, retryable: boolean]> = {
  NOT_FOUND: [404, false],
  ALREADY_EXISTS: [409, false],
  NOT_EMPTY: [409, false],
  TYPE_MISMATCH: [409, false],
  INVALID_PATH: [400, false],
  INVALID_ARGUMENT: [400, false],
  NO_SPACE: [507, true],
  NO_SLOT: [507, true],
  QUOTA_EXCEEDED: [429, true],
  BUSY: [409, true],
  NO_ACTION_OBJECT: [409, false],
  ACTION_FAILED: [422, false],
  ACTION_LOST: [410, false],
  DATA_LOST: [410, false],
  BLOCK_GONE: [410, false],
  UNAUTHENTICATED: [401, false],
  FORBIDDEN: [403, false],
  UNAVAILABLE: [503, true],
  TIMEOUT: [504, true],
  CANCELLED: [499, false],
  PROTOCOL_ERROR: [400, false],
  INTERNAL: [500, false],
}

describe('a GliderError', () => {
  it.each(Object.keys(table) as ErrorCode[])('of %s is retryable as the table says', code => {
    const cause = new Error('its cause')
    const error = new GliderError(code, 'a message', { cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'GliderError', code, message: 'a message', cause, retryable: table[code][1] })
  })

  const provoked: Partial<Record<ErrorCode, (store: StoreClient, base: string) => Promise<unknown>>> = {
    NOT_FOUND: (store, base) => store.get(`${base}/named`),
    ALREADY_EXISTS: async (store, base) => {
      await store.put(`${base}/named`, 'x')
      await store.create(`${base}/named`, 'file')
    },
    NOT_EMPTY: async (store, base) => {
      await store.put(`${base}/named/x`, 'x', { parents: true })
      await store.delete(`${base}/named`)
    },
    TYPE_MISMATCH: async (store, base) => {
      await store.create(`${base}/named`, 'directory')
      await store.get(`${base}/named`)
    },
    INVALID_PATH: (store, base) => store.get(`${base}/named/`),
    INVALID_ARGUMENT: (store, base) => store.create(`${base}/named`, 'file', { storageClass: unknownClass }),
    BUSY: async (store, base) => {
      const file = await store.create(`${base}/named`, 'file')
      const claim = await file.open({ write: true })
      try {
        await store.put(`${base}/named`, 'x')
      } finally {
        await claim.close()
      }
    },
    NO_ACTION_OBJECT: async (store, base) => (await store.create(`${base}/named`, 'action')).call('value'),
    // Wants parameters.
    ACTION_FAILED: async (store, base) => (await store.create(`${base}/named`, 'action')).create('std/Filter'),
    CANCELLED: (store, base) => store.get(`${base}/named`, { signal: AbortSignal.abort() }),
  }

  it.each(Object.entries(provoked))('of %s has its code and a message, and says whether to try again', async (code, provoke) => {
    const failure = await failureOf(provoke(deployment.store, await deployment.directory()))
    expect(failure).toBeInstanceOf(GliderError)
    expect(failure).toMatchObject({ code, retryable: table[code as ErrorCode][1] })
    expect(failure.message.length).toBeGreaterThan(10)
    if (code !== 'CANCELLED') expect(failure.message).toContain('named')
  })

  it('of CANCELLED has the reason of the signal as its cause', async () => {
    const reason = new Error('enough')
    expect((await failureOf(deployment.store.exists('/', { signal: AbortSignal.abort(reason) }))).cause).toBe(reason)
  })
})

describe('REST', () => {
  const answerOf = (code: ErrorCode) => ({
    status: table[code][0],
    answer: { error: { code, message: expect.stringMatching(/./) } },
  })

  it('answers an operation with its JSON head', async () => {
    const base = await deployment.directory()
    const { post } = deployment
    expect(await post('create', { path: `${base}/r/x`, type: 'file', parents: true })).toMatchObject({
      status: 200,
      answer: { path: `${base}/r/x`, type: 'file', size: 0 },
    })
    expect(await post('lookup', { path: `${base}/r/x`, type: 'file' })).toMatchObject({ status: 200, answer: { size: 0 } })
    expect(await post('stat', { path: `${base}/r` })).toMatchObject({ status: 200, answer: { type: 'directory' } })
    expect(await post('exists', { path: `${base}/r/y` })).toEqual({ status: 200, answer: { exists: false } })
    expect(await post('list', { path: `${base}/r` })).toEqual({
      status: 200,
      answer: { path: `${base}/r`, entries: [{ name: 'x', type: 'file', size: 0 }] },
    })
    expect((await post('rename', { from: `${base}/r/x`, to: `${base}/r/y` })).status).toBe(200)
    expect(await post('delete', { path: `${base}/r`, recursive: true })).toEqual({ status: 200, answer: { deleted: true } })
    expect(await post('delete', { path: `${base}/r` })).toEqual({ status: 200, answer: { deleted: false } })
    expect(await post('usage', {})).toMatchObject({ status: 200, answer: { nodes: expect.any(Number) } })
    expect(await post('servers', {})).toMatchObject({ status: 200, answer: { servers: expect.any(Array) } })
  })

  it('has bytes in base64', async () => {
    const { store, post } = deployment
    const base = await deployment.directory()
    const bytes = Buffer.from('ä\0\xff', 'latin1')
    expect((await post('put', { path: `${base}/x`, bytes: bytes.toString('base64') })).status).toBe(200)
    expect((await store.get(`${base}/x`)).equals(bytes)).toBe(true)
    expect(await post('get', { path: `${base}/x` })).toMatchObject({ status: 200, answer: { bytes: bytes.toString('base64') } })
  })

  it('tells errors with their code, their message and the status of the table', async () => {
    const { store, post } = deployment
    const base = await deployment.directory()
    await store.put(`${base}/file`, 'x')
    await store.create(`${base}/action`, 'action')
    const action = { path: `${base}/action`, definition: 'std/Filter' }
    const cases: [ErrorCode, string, unknown][] = [
      ['NOT_FOUND', 'lookup', { path: `${base}/missing` }],
      ['NOT_FOUND', 'get', { path: `${base}/missing` }],
      ['ALREADY_EXISTS', 'create', { path: `${base}/file`, type: 'file' }],
      ['NOT_EMPTY', 'delete', { path: base }],
      ['TYPE_MISMATCH', 'lookup', { path: base, type: 'file' }],
      ['TYPE_MISMATCH', 'list', { path: `${base}/file` }],
      ['INVALID_PATH', 'lookup', { path: 'x' }],
      ['INVALID_PATH', 'lookup', { path: `${base}/\ud800` }],
      ['INVALID_ARGUMENT', 'lookup', {}],
      ['INVALID_ARGUMENT', 'lookup', { path: 5 }],
      ['INVALID_ARGUMENT', 'lookup', { path: '/', typo: 1 }],
      ['INVALID_ARGUMENT', 'lookup', []],
      ['INVALID_ARGUMENT', 'lookup', 'x'],
      ['INVALID_ARGUMENT', 'create', { path: `${base}/x`, type: 'wrong' }],
      ['INVALID_ARGUMENT', 'create', { path: `${base}/x`, type: 'file', storageClass: unknownClass }],
      ['INVALID_ARGUMENT', 'delete', { path: '/', recursive: true }],
      ['INVALID_ARGUMENT', 'deploy', { name: 'x', bytes: '%%%' }],
      ['INVALID_ARGUMENT', 'deploy', { name: 'x', bytes: Buffer.from('export {}').toString('base64') }],
      ['ACTION_FAILED', 'createObject', action],
    ]
    for (const [code, operation, body] of cases) {
      expect([operation, body, await post(operation, body)]).toEqual([operation, body, answerOf(code)])
    }
    expect(await store.exists(`${base}/x`)).toBe(false)
  })

  it('answers what is no JSON, or of another kind, as INVALID_ARGUMENT, and what is no operation as NOT_FOUND', async () => {
    const { http } = deployment
    const ask = async (method: string, path: string, type: string, body = ''): Promise<unknown> => {
      const response = await fetch(`${http}/v1/${path}`, { method, headers: { 'content-type': type }, body })
      return { status: response.status, answer: await response.json() }
    }
    const wrong = [
      ['application/json', '{'],
      ['application/json', ''],
      ['text/plain', 'x'],
      ['application/x-www-form-urlencoded', 'a=b'],
    ]
    for (const [type = '', body] of wrong) expect(await ask('POST', 'lookup', type, body)).toEqual(answerOf('INVALID_ARGUMENT'))
    expect(await ask('PUT', 'lookup', 'application/json', '{}')).toEqual(answerOf('NOT_FOUND'))
    const got = await fetch(`${http}/v1/lookup`)
    expect({ status: got.status, answer: await got.json() }).toEqual(answerOf('NOT_FOUND'))
    // What only makes sense beside frames, or between servers, is no operation either.
    for (const name of ['openWrite', 'register', 'no-such-operation', 'lookup/more']) {
      expect(await ask('POST', name, 'application/json', '{}')).toEqual(answerOf('NOT_FOUND'))
    }
  })

  it('is BUSY where a client holds the claim', async () => {
    const { store, post } = deployment
    const file = await store.create(`${await deployment.directory()}/file`, 'file')
    const writer = file.createWriteStream()
    await written(writer, '')
    expect(await post('put', { path: file.path, bytes: '' })).toEqual(answerOf('BUSY'))
    await ended(writer)
    expect((await post('put', { path: file.path, bytes: '' })).status).toBe(200)
  })

  it('sees what the SDK did, and the other way round', async () => {
    const { store, post } = deployment
    const base = await deployment.directory()
    await post('create', { path: `${base}/file`, type: 'file' })
    const file = await store.lookup(`${base}/file`, 'file')
    await writeAll(file.createWriteStream(), 'bytes')
    expect(await post('stat', { path: `${base}/file` })).toMatchObject({ answer: { size: 5 } })
    await post('rename', { from: `${base}/file`, to: `${base}/moved` })
    expect(await textOf(file.createReadStream())).toBe('bytes')
    await post('delete', { path: `${base}/moved` })
    expect(await codeOf(file.stat())).toBe('NOT_FOUND')
  })
})

describe('NO_SPACE', () => {
  it('is what a full class is to every way of writing', async context => {
    const { store } = deployment
    const base = await deployment.directory()
    const full = await fullClass(store)
    if (full === undefined) return void context.annotate('every class has room')
    const bytes = Buffer.alloc(300_000)
    const file = await store.create(`${base}/file`, 'file', { storageClass: [full] })
    const handle = await file.open({ write: true })
    expect(await failureOf(handle.write(0, bytes))).toMatchObject({ code: 'NO_SPACE', retryable: true })
    await handle.close()
    for (const append of [false, true]) expect(await codeOf(writeAll(file.createWriteStream({ append }), bytes))).toBe('NO_SPACE')
    expect(await codeOf(store.put(file.path, bytes))).toBe('NO_SPACE')
    expect((await file.stat()).size).toBe(0)
  })
})
