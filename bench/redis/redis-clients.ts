/** What people would reach Redis by from Node: ioredis and node-redis, one connection each. */
import { Redis } from 'ioredis'
import { createClient, RESP_TYPES } from 'redis'

/** Gets and sets values as bytes. */
export interface RedisClient {
  set(key: string, value: Buffer): Promise<unknown>
  get(key: string): Promise<Buffer | null>
  close(): void
}

/** @param autoPipelining sends what is asked for in one turn together: quicker where values are small */
export function ioredis(port: number, autoPipelining: boolean): RedisClient {
  const client = new Redis({ port, host: '127.0.0.1', enableAutoPipelining: autoPipelining })
  return {
    set: (key, value) => client.set(key, value),
    get: key => client.getBuffer(key),
    close: () => client.disconnect(),
  }
}

export async function nodeRedis(port: number): Promise<RedisClient> {
  const client = createClient({ socket: { port, host: '127.0.0.1' } })
  await client.connect()
  const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  return {
    set: (key, value) => client.set(key, value),
    get: key => bytes.get(key),
    close: () => client.destroy(),
  }
}
