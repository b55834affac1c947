#!/usr/bin/env node
import { setMaxListeners } from 'node:events'
import { constants } from 'node:os'
import process from 'node:process'
import { Interrupted, run } from './run.ts'

const interrupt = new AbortController()
// Every stream and call listens to it for as long as it takes; that they are many is no leak.
setMaxListeners(0, interrupt.signal)

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  const interrupted = new Interrupted(128 + constants.signals[name])
  process.on(name, () => {
    // The second time is for whoever does not want to wait for an orderly end.
    if (interrupt.signal.aborted) process.exit(interrupted.exitCode)
    interrupt.abort(interrupted)
  })
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads our output has had enough: `glider cat /big | head`.
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const { stdin, stdout, stderr } = process
const exitCode = await run(process.argv.slice(2), { stdin, stdout, stderr, signal: interrupt.signal })
// A read of the terminal that nobody waits for any more would keep the process.
if (interrupt.signal.aborted) process.exit(exitCode)
process.exitCode = exitCode
