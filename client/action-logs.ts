import type { ActionLogLine, ActionLogsOptions } from '../actions/store.ts'
import { GliderError } from '../protocol/errors.ts'
import { openActionLogs } from './action-link.ts'
import type { ActionTarget, ClientContext } from './context.ts'
import { cancelledError } from './waiting.ts'

/** What an object logs, line by line. */
export async function* actionLogs(
  context: ClientContext,
  target: ActionTarget,
  { signal, follow = true }: ActionLogsOptions = {},
): AsyncGenerator<ActionLogLine, void, undefined> {
  const stream = await openActionLogs(context, target, follow, signal)
  const onAbort = (): void => stream.reset(cancelledError('logs', signal!))
  if (signal?.aborted) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  let rest = Buffer.alloc(0)
  let ended = false
  try {
    for (;;) {
      const chunk = await stream.read()
      if (!chunk) break
      const bytes = Buffer.concat([rest, chunk])
      const whole = bytes.lastIndexOf('\n') + 1
      rest = bytes.subarray(whole)
      for (const line of bytes.toString('utf8', 0, whole).split('\n')) if (line !== '') yield JSON.parse(line) as ActionLogLine
    }
    ended = true
  } finally {
    signal?.removeEventListener('abort', onAbort)
    if (!ended) stream.reset(new GliderError('CANCELLED', 'the reader of the log has left'))
  }
}
