import type { Readable, Writable } from 'node:stream'
import type { CallOptions, StoreClient as StoreClientFace } from '../client/index.ts'
import { GliderError, StoreClient } from '../client/index.ts'
import type { GlobalFlags } from './global-flags.ts'

export interface Input extends Readable {
  readonly isTTY?: boolean
}

export interface Output extends Writable {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** What a command has of the process that it runs in; a test hands it something else. */
export interface Io {
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  /** Fires when the user wants the command to end. */
  readonly signal: AbortSignal
}

/** One run of the command: its streams, its global flags, and the store once it needs one. */
export class Session {
  readonly io: Io
  readonly #flags: () => GlobalFlags

  constructor(io: Io, flags: () => GlobalFlags) {
    this.io = io
    this.#flags = flags
  }

  get json(): boolean {
    return this.#flags().json
  }

  /** Where the metadata server is. */
  get address(): URL {
    const { address } = this.#flags()
    return new URL(address.includes('://') ? address : `http://${address}`)
  }

  /** Who has signed the certificates of servers, in PEM. */
  get tlsCa(): string | undefined {
    return this.#flags().tlsCa()
  }

  /** Connects for as long as `use` takes; every call in it is given `call`, so that it ends when the user says so. */
  async withStore<T>(use: (store: StoreClientFace, call: CallOptions) => Promise<T>): Promise<T> {
    const flags = this.#flags()
    const { address, operationIds } = flags
    const [token, tlsCa] = [flags.token(), flags.tlsCa()]
    const { signal } = this.io
    await using store = await StoreClient.connect(address, {
      signal,
      operationIds,
      ...(token !== undefined && { token }),
      ...(tlsCa !== undefined && { tlsCa }),
    }).catch((error: unknown) => {
      throw withRemedy(error)
    })
    return await use(store, { signal })
  }

  print(line: string): void {
    this.io.stdout.write(`${line}\n`)
  }

  /** One JSON value for programs, or lines for people: none where what was asked for has been done and there is no more to say. */
  answer(value: unknown, lines: () => readonly string[] = () => []): void {
    if (this.json) this.print(JSON.stringify(value))
    else for (const line of lines()) this.print(line)
  }
}

/** Says in words of the command what can be done where no cluster answers. */
function withRemedy(error: unknown): unknown {
  if (!(error instanceof GliderError) || error.code !== 'UNAVAILABLE') return error
  const remedy = 'glider up starts a cluster, and --address or GLIDER_ADDRESS says where another one is'
  return new GliderError(error.code, `${error.message} ${remedy}`, { cause: error })
}
