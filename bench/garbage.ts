import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// A context that is made after the flag was set has the function.
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What one piece of work has left behind is not the next one's to clear away. */
export function collectGarbage(): void {
  collect()
}
