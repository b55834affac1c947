/** What the processes at the other end of the bare pairs share: sockets whose reads land where they are to be. */
import net from 'node:net'
import { onParentGone } from '../../server/parent-process.ts'

/** What `onread` of a socket takes. */
export interface OnRead {
  readonly buffer: () => Uint8Array
  readonly callback: (bytes: number) => boolean
}

/** Listens on a free port, tells it to the parent, and makes an `onread` for each connection. */
export function serve(onread: (send: () => net.Socket) => OnRead): void {
  const server = net.createServer({ pauseOnConnect: true }, old => {
    const fast: net.Socket = adopt(
      old,
      onread(() => fast),
    )
    fast.setNoDelay(true)
    fast.on('error', () => fast.destroy())
    fast.read(0)
  })
  server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as net.AddressInfo).port }))
  onParentGone(() => process.exit())
}

/** An accepted socket takes no `onread`, so its handle moves into another one. */
function adopt(old: net.Socket, onread: OnRead): net.Socket {
  const { _handle: handle } = old as unknown as { _handle: { readStop(): void; reading: boolean } }
  handle.readStop()
  handle.reading = false
  Object.assign(old, { _handle: null })
  old.destroy()
  return new net.Socket({ handle, onread } as unknown as net.SocketConstructorOpts)
}
