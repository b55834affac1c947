/** What every process does once before anything is measured: memory that is made once and kept belongs to the start. */
import { pipeline } from 'node:stream/promises'
import { StoreClient } from 'glider'
import { contentOf } from './content.ts'

/** As many as there are action threads, twice: each has objects. */
const OBJECTS = 8
const STREAMS = 8
const STREAM_BYTES = 2 << 20

/** Streams that all come at the same time, so that the memory between network and action threads has been in use, whole. */
export async function stretch(address: string): Promise<void> {
  // A client of its own, so that no connection of it stays.
  await using store = await StoreClient.connect(address)
  await Promise.all(
    Array.from({ length: OBJECTS }, async (_, at) => {
      const path = `/stretched-${at}`
      const node = await store.create(path, 'action')
      await node.create('faults/Ledger', { params: { name: path }, interleaved: true })
      await Promise.all(
        Array.from({ length: STREAMS }, (_stream, version) =>
          pipeline([contentOf(path, version, STREAM_BYTES)], node.createWriteStream()),
        ),
      )
      await Promise.all(
        Array.from({ length: STREAMS }, async () => {
          for await (const chunk of node.createReadStream()) void chunk
        }),
      )
      await store.delete(path, { recursive: true })
    }),
  )
}
