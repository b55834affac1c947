/** A process that has something to be done at its end: tells its parent when it is ready, and leaves a file behind. */
import { writeFileSync } from 'node:fs'
import { atEnd } from './at-end.ts'

const [, , file = '', how] = process.argv
const calledOff = atEnd(() => writeFileSync(`${file}-called-off`, ''))
atEnd(() => writeFileSync(file, ''))
calledOff()
process.on('message', () => {})
process.send!('ready')
if (how === 'exit') process.exit(3)
