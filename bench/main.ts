#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { addActions } from './actions/command.ts'
import { addAll } from './all/command.ts'
import { addBandwidth } from './bandwidth/command.ts'
import { addCompare } from './compare/command.ts'
import { addDirectory } from './directory/command.ts'
import { addPipeline } from './experiments/pipeline/command.ts'
import { addReduce } from './experiments/reduce/command.ts'
import { addSort } from './experiments/sort/command.ts'
import { addHttp } from './http/command.ts'
import { addMetadata } from './metadata/command.ts'
import { addOverload } from './overload/command.ts'
import { endProgress } from './progress.ts'
import { addScale } from './scale/command.ts'
import { addSize } from './size/command.ts'
import { addSoak } from './soak/command.ts'

const program = new Command('bench').description('Measures the system, each figure beside a baseline of the same run.')
addActions(program)
addAll(program)
addBandwidth(program)
addCompare(program)
addDirectory(program)
addHttp(program)
addMetadata(program)
addScale(program)
addSize(program)
addPipeline(program)
addReduce(program)
addSort(program)
addOverload(program)
addSoak(program)
try {
  await program.parseAsync()
} catch (error) {
  endProgress()
  // What is wrong with an argument may also come out later; where anything else fails is of interest as well.
  console.error(error instanceof CommanderError ? `error: ${error.message}` : error)
  // Whatever is still open would keep the process.
  process.exit(1)
}
