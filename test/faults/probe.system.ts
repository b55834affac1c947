/**
 * Loaded into every process of the cluster before its own program (`--import`), so that the servers need to know nothing of tests.
 * A `probe` from the parent is answered with what the process holds once its garbage has been collected; and the parent is told at
 * which port the process listens, which a server that advertises another does not say.
 */
import { readdirSync } from 'node:fs'
import net from 'node:net'
import process from 'node:process'
import { isMainThread } from 'node:worker_threads'

export interface Probed {
  readonly probed: number
  readonly residentBytes: number
  /** Open descriptors. */
  readonly descriptors: number
  /** What keeps the event loop busy, by kind. */
  readonly handles: Readonly<Record<string, number>>
}

/** What one collection sets free, finalizers and the next one may. */
const COLLECTIONS = 3

export interface Listening {
  readonly port: number
}

if (isMainThread) {
  const emit = Reflect.get(net.Server.prototype, 'emit') as (...args: unknown[]) => boolean
  net.Server.prototype.emit = function emitAndTell(this: net.Server, ...args: unknown[]): boolean {
    if (args[0] === 'listening') {
      const listening: Listening = { port: (this.address() as net.AddressInfo).port }
      process.send!(listening)
    }
    return Reflect.apply(emit, this, args)
  }
  process.on('message', message => {
    if (typeof message === 'object' && message !== null && 'probe' in message) void answer(message.probe as number)
  })
}

async function answer(probed: number): Promise<void> {
  for (let collection = 0; collection < COLLECTIONS; collection++) {
    globalThis.gc!()
    await new Promise(resolve => setImmediate(resolve))
  }
  const handles: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1
  const residentBytes = process.memoryUsage.rss()
  const descriptors = readdirSync('/proc/self/fd').length
  const reply: Probed = { probed, residentBytes, descriptors, handles }
  process.send!(reply)
}
