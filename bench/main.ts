#!/usr/bin/env node
import { Command } from 'commander'
import { addActions } from './actions/command.ts'
import { addBandwidth } from './bandwidth/command.ts'
import { addDirectory } from './directory/command.ts'
import { addPipeline } from './experiments/pipeline/command.ts'
import { addReduce } from './experiments/reduce/command.ts'
import { addSort } from './experiments/sort/command.ts'
import { addMetadata } from './metadata/command.ts'

const program = new Command('bench').description('Measures the system, each figure beside a baseline of the same run.')
addActions(program)
addBandwidth(program)
addDirectory(program)
addMetadata(program)
addPipeline(program)
addReduce(program)
addSort(program)
await program.parseAsync()
