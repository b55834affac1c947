import type { Logger } from 'pino'
import { GliderError, type WireError } from '../protocol/errors.ts'
import { onParentGone } from './parent-process.ts'

/** What every server can do once it runs. */
export interface RunningServer {
  readonly address: string
  /** Takes nothing new, and resolves once what runs has finished, or after so long. */
  drain(timeMs: number): Promise<void>
  stop(): Promise<void>
}

/** Told to a parent process that started this one over an IPC channel. */
export interface ReadyMessage {
  readonly ready: true
  readonly address: string
}

/** Told to the parent instead: the server could not be started. */
export interface FailedMessage {
  readonly failed: WireError
}

/** Told to the parent: the process is about to end, and should be started again. */
export interface ReturningMessage {
  readonly returning: string
}

/** Told by the parent, where signals are for it to hear. */
export interface SignalMessage {
  readonly signal: 'SIGTERM' | 'SIGINT'
}

/**
 * Tells the process why its server leaves by itself, and the status to exit with: 0 by default. `kill` where a thread hangs, which an
 * exit would wait for: the server has stopped, and somebody should start it again.
 */
export type Leave = (why: string, status?: number | 'kill') => void

/**
 * Runs a server as a process of its own: starts it, tells a waiting parent (or the log) its address, and stops it on SIGTERM or
 * SIGINT, once it is drained, or when the parent has gone; it ends as well when it says itself that it leaves. A second signal ends it
 * at once.
 * @param drainMs how long it may take to be drained; 0 for not at all
 * @param heeds who says that it is to end: its own signals, or its parent by {@link SignalMessage}, who hears the same ones where both
 *   are sent them, as by a terminal
 */
export async function runServer(
  log: Logger,
  drainMs: number,
  start: (leave: Leave) => Promise<RunningServer>,
  heeds: 'signals' | 'parent' = 'signals',
): Promise<void> {
  let server: RunningServer | undefined
  let stopping = false
  const stop = (why: string, status: number, end: (server: RunningServer) => Promise<void>): void => {
    if (stopping) process.exit(1)
    stopping = true
    log.info({ why }, 'stopping')
    const stopped = server ? end(server) : Promise.resolve()
    stopped.then(
      () => process.exit(status),
      (error: unknown) => {
        log.error({ error }, 'could not stop in order')
        process.exit(1)
      },
    )
  }
  const kill = (why: string): void => {
    const end = (): void => {
      process.kill(process.pid, 'SIGKILL')
    }
    const message: ReturningMessage = { returning: why }
    // One that was to stop anyway does not return.
    if (process.send && !stopping) process.send(message, end)
    else end()
  }
  const leave: Leave = (why, status = 0) => {
    if (status === 'kill') kill(why)
    else if (stopping) process.exit(status)
    else stop(why, status, one => one.stop())
  }
  const heard = (signal: SignalMessage['signal']): void =>
    stop(signal, 0, async one => {
      if (drainMs > 0) await one.drain(drainMs)
      await one.stop()
    })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (heeds === 'signals') heard(signal)
    })
  }
  if (heeds === 'parent') process.on('message', (message: SignalMessage) => heard(message.signal))
  onParentGone(() => leave('the parent process has gone'))
  try {
    server = await start(leave)
  } catch (error) {
    return notStarted(log, error)
  }
  log.info({ address: server.address }, 'ready')
  const ready: ReadyMessage = { ready: true, address: server.address }
  process.send?.(ready)
}

/** Says why a server does not start, to its parent as well, and ends the process: it never resolves. */
export function notStarted(log: Logger, error: unknown): Promise<never> {
  const known = GliderError.from(error)
  log.error({ error: { code: known.code } }, known.message)
  const message: FailedMessage = { failed: known.toWire() }
  return new Promise(() => {
    if (process.send) process.send(message, () => process.exit(1))
    else process.exit(1)
  })
}
