import type { ActionNode, FileHandle, FileNode, StoreClient } from '../client/index.ts'
import { pipelined } from './pipelined.ts'

/** Operations under way at the same time: more of the smaller ones. */
export function inFlight(opBytes: number): number {
  return opBytes >= 1 << 20 ? 8 : opBytes >= 64 << 10 ? 16 : 64
}

/** A file with all its memory touched. */
export async function warmFile(
  store: StoreClient,
  path: string,
  fileBytes: number,
  options: { readonly storageClass?: readonly string[] } = {},
): Promise<FileNode> {
  const file = await store.create(path, 'file', options)
  await using handle = await file.open({ write: true })
  await fileWrite(handle, 1 << 20, fileBytes, fileBytes >> 20)
  return file
}

export async function fileWrite(
  handle: FileHandle,
  opBytes: number,
  fileBytes: number,
  operations: number,
  batch = inFlight(opBytes),
): Promise<void> {
  const data = Buffer.alloc(opBytes, 7)
  const perFile = fileBytes / opBytes
  await pipelined(operations, batch, index => handle.write((index % perFile) * opBytes, data))
}

export async function fileRead(
  file: FileNode,
  opBytes: number,
  fileBytes: number,
  operations: number,
  batch = inFlight(opBytes),
): Promise<void> {
  await using handle = await file.open()
  const into = Buffer.allocUnsafeSlow(opBytes)
  const perFile = fileBytes / opBytes
  // Like the receiver of the bare pair, all reads share one buffer.
  await pipelined(operations, batch, index => handle.read((index % perFile) * opBytes, into))
}

export async function actionWrite(
  node: ActionNode,
  opBytes: number,
  operations: number,
  batch = inFlight(opBytes),
): Promise<void> {
  const writer = await node.openWriter()
  const data = Buffer.alloc(opBytes, 7)
  await pipelined(operations, batch, () => writer.write(data))
  await writer.close()
}

export async function actionRead(
  node: ActionNode,
  opBytes: number,
  totalBytes: number,
  batch = inFlight(opBytes),
): Promise<void> {
  const reader = await node.openReader()
  const into = Buffer.allocUnsafeSlow(opBytes)
  let received = 0
  const worker = async (): Promise<void> => {
    for (let bytes = await reader.read(into); bytes > 0; bytes = await reader.read(into)) received += bytes
  }
  await Promise.all(Array.from({ length: batch }, worker))
  if (received !== totalBytes) throw new Error(`the action gave ${received} bytes instead of ${totalBytes}`)
  await reader.close()
}
