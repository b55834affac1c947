/** The deployment that is tested. Others may have data in it: a test touches only what is below its own directory. */
import { randomUUID } from 'node:crypto'
import { StoreClient } from 'glider'
import { afterAll, beforeAll, inject, onTestFinished } from 'vitest'
import { TcpProxy } from './tcp-proxy.system.ts'

export interface RestAnswer {
  readonly status: number
  readonly answer: unknown
}

export interface Deployment {
  /** As it was given: what `connect` takes. */
  readonly url: string
  /** Of its REST face. */
  readonly http: string
  /** One client for all tests of a file. */
  readonly store: StoreClient
  /** A new directory with a random name, deleted after the test. */
  directory(): Promise<string>
  /** A client of the test's own, closed after it. */
  connect(): Promise<StoreClient>
  /** The same through a proxy. */
  throughProxy(): Promise<{ readonly store: StoreClient; readonly proxy: TcpProxy }>
  /** Asks the REST face. */
  readonly post: (operation: string, body: unknown) => Promise<RestAnswer>
}

/** To be called once, at the top of a test file. */
export function openDeployment(): Deployment {
  const url = inject('gliderUrl')
  const http = `http://${url.replace(/^\w+:\/\//, '').replace(/\/$/, '')}`
  let store: StoreClient
  beforeAll(async () => {
    store = await StoreClient.connect(url)
  })
  afterAll(() => store?.close())

  const connectTo = async (address: string): Promise<StoreClient> => {
    const client = await StoreClient.connect(address)
    onTestFinished(() => client.close())
    return client
  }
  return {
    url,
    http,
    get store() {
      return store
    },
    async directory() {
      const path = `/conformance-${randomUUID()}`
      await store.create(path, 'directory')
      onTestFinished(async () => {
        await store.delete(path, { recursive: true })
      })
      return path
    },
    connect: () => connectTo(url),
    async throughProxy() {
      const proxy = await TcpProxy.start(new URL(http))
      onTestFinished(() => proxy.stop())
      return { store: await connectTo(proxy.address), proxy }
    },
    async post(operation, body) {
      const response = await fetch(`${http}/v1/${operation}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      return { status: response.status, answer: await response.json() }
    },
  }
}
