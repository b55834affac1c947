import type { ChildProcess } from 'node:child_process'

/** Kills a process that is still there after so many seconds. */
export function killAfter(child: ChildProcess, seconds: number): { cancel(): void } {
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1_000)
  return { cancel: () => clearTimeout(timer) }
}

/** Runs `callback` after so long, unless cancelled; keeps the process alive until then. */
export function later(ms: number, callback: () => void): { cancel(): void } {
  const timer = setTimeout(callback, ms)
  return { cancel: () => clearTimeout(timer) }
}
