/** A process that is told by its first argument when to begin to listen for its parent: at once, or once that has gone already. */
import process from 'node:process'
import { onParentGone } from './parent-process.ts'

function listen(): void {
  onParentGone(() => console.log('gone'))
}

if (process.argv[2] === 'late') process.once('disconnect', () => setImmediate(listen))
else listen()
process.send?.('listening')
