import { Console } from 'node:console'
import { Writable } from 'node:stream'
import type { LogLevel } from '../messages.ts'

/** What user code prints goes to `log`, one write a line, instead of into the process's own streams. */
export function redirectConsole(log: (level: LogLevel, line: string | Uint8Array) => void): void {
  const stdout = lineWriter(line => log('info', line))
  const stderr = lineWriter(line => log('warn', line))
  globalThis.console = new Console({ stdout, stderr, colorMode: false })
  Object.defineProperty(process, 'stdout', { value: stdout, configurable: true })
  Object.defineProperty(process, 'stderr', { value: stderr, configurable: true })
}

function lineWriter(write: (line: string | Uint8Array) => void): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      write(chunk)
      done()
    },
  })
}
