import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { ConnectionContext } from '../protocol/connection.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Connection } from '../protocol/peer.ts'

/** Longest WebSocket message: a frame and its head, with room to spare. */
export const MAX_MESSAGE_BYTES = 4 << 20
/** Of whom nobody knows yet who it is, no more than a hello is taken, with room to spare. */
const MAX_STRANGERS_BYTES = 128 << 10
/** What a chunk takes beside its bytes: a message may come in very many. */
const CHUNK_BYTES = 256

/**
 * Takes what has come of messages that are not whole yet, and is kept until they are, into the account of what is buffered. Beyond the
 * limit the connection ends with BUSY: of half a message nothing can be passed over.
 * @param raw what the WebSocket reads from
 */
export function boundMessages(
  socket: WebSocket,
  raw: Duplex,
  connection: Connection,
  { budget }: Pick<ConnectionContext, 'budget'>,
): void {
  let held = 0
  const settle = (): void => {
    budget.give(held)
    held = 0
  }
  const refusal = (): GliderError | undefined => {
    if (!connection.principal && held > MAX_STRANGERS_BYTES)
      return new GliderError(
        'PROTOCOL_ERROR',
        `${connection.remote}: over ${MAX_STRANGERS_BYTES} bytes before it is known who it is`,
      )
    try {
      budget.check(0)
      return undefined
    } catch (error) {
      return GliderError.from(error)
    }
  }
  // Before the WebSocket itself, so that a message is taken off the account as soon as it is whole.
  raw.prependListener('data', (chunk: Buffer) => {
    held += chunk.length + CHUNK_BYTES
    budget.takeInitial(chunk.length + CHUNK_BYTES)
    const error = refusal()
    if (!error) return
    connection.dismiss(error)
    // What still comes is passed over until the socket closes, which is soon: one that is not read would be reset, and not tell why.
    raw.removeAllListeners('data')
    raw.resume()
  })
  socket.prependListener('message', settle)
  socket.on('close', settle)
}
