import { GliderError } from '../../client/index.ts'
import type { HelperMessage } from './helper-process.ts'

/** The other side of {@link HelperProcess}: answers requests until the parent process has gone. */
export function serveRequests<Request>(answer: (request: Request, progress: (bytes: number) => void) => Promise<unknown>): void {
  const say = (message: HelperMessage): void => {
    if (process.connected) process.send!(message)
  }
  process.on('message', request => {
    answer(request as Request, bytes => say({ kind: 'progress', bytes })).then(
      result => say({ kind: 'done', result }),
      (error: unknown) => {
        const { code, message } = GliderError.from(error)
        say({ kind: 'failed', code, message })
      },
    )
  })
  process.on('disconnect', () => process.exit(1))
  // Ctrl-C reaches every process of the terminal; ours end when the parent says so, and it tells why.
  process.on('SIGINT', () => undefined)
  say({ kind: 'ready' })
}
