#!/usr/bin/env node
import { Command } from 'commander'
import { addActions } from './actions/command.ts'
import { addBandwidth } from './bandwidth/command.ts'
import { addDirectory } from './directory/command.ts'
import { addMetadata } from './metadata/command.ts'
import { addOverload } from './overload/command.ts'
import { addSoak } from './soak/command.ts'

const program = new Command('bench').description('Measures the system, each figure beside a baseline of the same run.')
addActions(program)
addBandwidth(program)
addDirectory(program)
addMetadata(program)
addOverload(program)
addSoak(program)
await program.parseAsync()
