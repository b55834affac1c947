import process from 'node:process'

/**
 * Calls `gone`, and no more than once, when the process that has started this one over an IPC channel has gone; also where that was while this one was still
 * loading its modules, when nobody listened. Never where there was no such channel.
 */
export function onParentGone(gone: () => void): void {
  if (process.send && !process.connected) gone()
  else process.once('disconnect', gone)
}
