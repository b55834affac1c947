/** What tests of storage servers share: bytes that are known by their seed, folders, and waiting for servers. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { GliderError, type ServerInfo, type StoreClient } from '../client/index.ts'

export const MIB = 1 << 20

/** Bytes of which every eight say whose they are and where they belong. */
export function bytesOf(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 8 <= length; at += 8) {
    bytes.writeUInt32LE(seed, at)
    bytes.writeUInt32LE(at, at + 4)
  }
  return bytes
}

export async function codeOf(run: Promise<unknown>): Promise<string> {
  return (await errorOf(run))?.code ?? 'no error'
}

export async function errorOf(run: Promise<unknown>): Promise<GliderError | undefined> {
  try {
    await run
    return undefined
  } catch (error) {
    if (error instanceof GliderError) return error
    throw error
  }
}

/** Asks until the server at an address is as wanted. */
export async function serverWhen(
  store: StoreClient,
  address: string,
  wanted: (server: ServerInfo) => boolean,
): Promise<ServerInfo> {
  for (;;) {
    const server = (await store.servers()).find(one => one.address === address && wanted(one))
    if (server) return server
  }
}

export class TempFolder implements AsyncDisposable {
  readonly path: string

  private constructor(folder: string) {
    this.path = folder
  }

  static async make(): Promise<TempFolder> {
    return new TempFolder(await mkdtemp(path.join(tmpdir(), 'glider-test-')))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true })
  }
}
