import { systemClock } from '../../protocol/clock.system.ts'
import type { HostReady, HostTask } from '../messages.ts'
import { SharedArena } from '../shared-arena.ts'
import { confine } from './confinement.ts'
import { redirectConsole } from './console.ts'
import { MemoryUse } from './memory-use.ts'
import { ThreadHost } from './thread-host.ts'

/** Shared memory for what the actions of a thread give to their readers: 16 MiB. */
const OUTGOING_SLABS = 32

/** The endless task of an action thread. It ends with the thread. */
export function host(task: HostTask): Promise<never> {
  confine()
  const arena = new SharedArena(OUTGOING_SLABS)
  const threadHost = new ThreadHost(task, arena, systemClock, new MemoryUse())
  redirectConsole((level, line) => threadHost.log.write(level, line))
  process.setSourceMapsEnabled(true)
  // What user code throws where nobody catches it ends neither its object nor its thread.
  process.on('uncaughtException', error => threadHost.log.uncaught(error))
  process.on('unhandledRejection', reason => threadHost.log.uncaught(reason))
  const ready: HostReady = { outgoing: arena.memory }
  task.port.postMessage(ready)
  return new Promise<never>(() => {})
}
