import { pipelined } from '../pipelined.ts'
import type { Figure } from '../rounds.ts'
import { ioredis, nodeRedis, type RedisClient } from './redis-clients.ts'
import { benchmarkKey, RedisServer } from './redis-server.ts'

export interface PeerOptions {
  readonly valueBytes: number
  /** So many take turns; all have a value from the beginning. */
  readonly keys: number
  readonly autoPipelining: boolean
}

export interface Load {
  readonly operations: number
  readonly inFlight: number
  /** What counts of one operation. */
  readonly unit: number
}

/** Redis, and what is used to reach it. */
export class RedisPeers implements AsyncDisposable {
  readonly ioredis: RedisClient
  readonly nodeRedis: RedisClient
  readonly #server: RedisServer
  readonly #options: PeerOptions

  private constructor(server: RedisServer, ioredisClient: RedisClient, nodeRedisClient: RedisClient, options: PeerOptions) {
    this.#server = server
    this.ioredis = ioredisClient
    this.nodeRedis = nodeRedisClient
    this.#options = options
  }

  /** Undefined where Redis is not installed. */
  static async start(options: PeerOptions): Promise<RedisPeers | undefined> {
    const server = await RedisServer.start()
    if (!server) return undefined
    try {
      return await RedisPeers.#over(server, options)
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  static async #over(server: RedisServer, options: PeerOptions): Promise<RedisPeers> {
    const { valueBytes, keys, autoPipelining } = options
    const peers = new RedisPeers(server, ioredis(server.port, autoPipelining), await nodeRedis(server.port), options)
    const value = Buffer.alloc(valueBytes, 7)
    await pipelined(keys, 8, index => peers.ioredis.set(benchmarkKey(index), value))
    return peers
  }

  set<Name extends string>(name: Name, client: RedisClient, load: Load): Figure & { name: Name } {
    const value = Buffer.alloc(this.#options.valueBytes, 7)
    return this.#figure(name, load, key => client.set(key, value))
  }

  get<Name extends string>(name: Name, client: RedisClient, load: Load): Figure & { name: Name } {
    return this.#figure(name, load, key => client.get(key))
  }

  #figure<Name extends string>(
    name: Name,
    { operations, inFlight, unit }: Load,
    operation: (key: string) => Promise<unknown>,
  ): Figure & { name: Name } {
    const keys = Array.from({ length: this.#options.keys }, (_, index) => benchmarkKey(index))
    const work = (): Promise<void> => pipelined(operations, inFlight, index => operation(keys[index % keys.length]!))
    return { name, amount: operations * unit, work }
  }

  /** By redis-benchmark, which says itself how long that took. */
  benchmark<Name extends string>(name: Name, test: 'set' | 'get', { operations, inFlight, unit }: Load): Figure & { name: Name } {
    const { valueBytes, keys } = this.#options
    const work = async (): Promise<number> =>
      operations / (await this.#server.benchmark({ test, operations, inFlight, valueBytes, keys }))
    return { name, amount: operations * unit, work }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ioredis.close()
    this.nodeRedis.close()
    await this.#server.stop()
  }
}
