#!/usr/bin/env node
import { Command } from 'commander'
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
await program.parseAsync()
