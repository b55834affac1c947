/** What ioredis and redis-benchmark make of Redis with the values of the metadata server. */
import { Redis } from 'ioredis'
import { pipelined } from '../pipelined.ts'
import type { RedisServer } from '../redis/redis-server.ts'
import type { Figure } from '../rounds.ts'
import { KEYS, type Names, VALUE_BYTES } from './store-figures.ts'

export class RedisFigures {
  readonly #server: RedisServer
  readonly #client: Redis

  constructor(server: RedisServer) {
    this.#server = server
    this.#client = new Redis({ port: server.port, host: '127.0.0.1', enableAutoPipelining: true })
  }

  figures(names: Names, operations: number, inFlight: number): Figure[] {
    const value = Buffer.alloc(VALUE_BYTES, 7)
    const figure = (name: string, operation: (key: string) => Promise<unknown>): Figure => ({
      name,
      amount: operations,
      work: () => pipelined(operations, inFlight, index => operation(names.keys[index % KEYS]!)),
    })
    return [figure('ioredisPut', key => this.#client.set(key, value)), figure('ioredisGet', key => this.#client.getBuffer(key))]
  }

  /** One run of redis-benchmark each: operations per second. */
  async benchmark(operations: number, inFlight: number): Promise<{ put: number; get: number }> {
    const run = { operations, inFlight, valueBytes: VALUE_BYTES, keys: KEYS }
    return {
      put: await this.#server.benchmark({ ...run, test: 'set' }),
      get: await this.#server.benchmark({ ...run, test: 'get' }),
    }
  }

  async stop(): Promise<void> {
    this.#client.disconnect()
    await this.#server.stop()
  }
}
