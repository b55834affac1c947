import { syncBuiltinESMExports } from 'node:module'
import workers from 'node:worker_threads'

/**
 * Where the process is bound by Node's permission model, a thread of its own making with flags of its own would not be. So
 * threads of actions make none. Called before any code of an action is there.
 */
export function confine(): void {
  if (!('permission' in process)) return
  Object.defineProperty(workers, 'Worker', { value: ForbiddenWorker, writable: false, configurable: false })
  syncBuiltinESMExports()
}

class ForbiddenWorker {
  constructor() {
    throw Object.assign(new Error('an action of this server starts no threads'), { code: 'ERR_ACCESS_DENIED' })
  }
}
