/** What is in results.json: every raw round, the facts of machine and versions, and what each experiment found. */
import { open, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { InvalidArgumentError } from 'commander'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { makeDirectory } from '../../server/make-directory.ts'
import type { Outcome } from '../experiment.ts'

export const RESULTS = 'results.json'

const text = Type.String()
const number = Type.Number()
const textOrNull = Type.Union([text, Type.Null()])

const samplesSchema = Type.Object({
  unit: text,
  better: Type.Enum(['more', 'less']),
  values: Type.Array(number, { minItems: 1 }),
})

/** One experiment: what it gave, or why there is nothing. */
const resultSchema = Type.Union([
  Type.Object({ seconds: number, rounds: Type.Record(text, samplesSchema), figures: Type.Unknown() }),
  Type.Object({ seconds: number, failed: text }),
])

const machineSchema = Type.Object({
  cpu: text,
  cores: number,
  memoryBytes: number,
  platform: text,
  kernel: text,
  /** Of the last minute, when the run began: what else the machine was doing. */
  loadAverage: number,
})

const versionsSchema = Type.Object({
  glider: text,
  /** Of the sources; null outside of a repository. */
  commit: textOrNull,
  node: text,
  v8: text,
  uv: text,
  /** Null where it is not installed. */
  redis: textOrNull,
  /** Packages that are peers or tools of the benchmarks. */
  packages: Type.Record(text, text),
})

const resultsSchema = Type.Object({
  format: Type.Literal(1),
  /** When it began, in UTC. */
  startedAt: text,
  quick: Type.Boolean(),
  machine: machineSchema,
  versions: versionsSchema,
  /** By name, in the order in which they ran. */
  experiments: Type.Record(text, resultSchema),
})
const compiled = Compile(resultsSchema)

export type Machine = Readonly<Static<typeof machineSchema>>
export type Versions = Readonly<Static<typeof versionsSchema>>
export type ExperimentResult = ({ readonly seconds: number } & Outcome) | { readonly seconds: number; readonly failed: string }
export type Results = Readonly<Omit<Static<typeof resultsSchema>, 'experiments'>> & {
  readonly experiments: Readonly<Record<string, ExperimentResult>>
}

/** Undefined where it was not run, or has failed. */
export function outcomeOf({ experiments }: Results, name: string): Outcome | undefined {
  const result = experiments[name]
  return result && 'rounds' in result ? result : undefined
}

/** @throws InvalidArgumentError where that is no file of results */
export async function readResults(file: string): Promise<Results> {
  const named = 'name a results.json that `bench all --report` has written'
  const written = await readFile(file, 'utf8').catch((error: Error) => {
    throw new InvalidArgumentError(`${file} cannot be read (${error.message}): ${named}.`)
  })
  const results = parsed(written)
  if (compiled.Check(results)) return results
  throw new InvalidArgumentError(`${file} has no results of benchmarks: ${named}.`)
}

function parsed(written: string): unknown {
  try {
    return JSON.parse(written)
  } catch {
    return undefined
  }
}

/** Before anything is measured, for that takes long. What is there stays. @throws InvalidArgumentError */
export async function assertWritable(folder: string): Promise<void> {
  try {
    await makeDirectory(folder)
    await (await open(path.join(folder, RESULTS), 'a')).close()
  } catch (error) {
    const { message } = error as Error
    throw new InvalidArgumentError(`The report cannot be written to ${folder} (${message}): name another folder.`)
  }
}

/** Whole or not at all: what was there before goes at the moment when this is there. */
export async function writeResults(folder: string, results: Results): Promise<void> {
  await makeDirectory(folder)
  const file = path.join(folder, RESULTS)
  await writeFile(`${file}.new`, `${JSON.stringify(results, undefined, 1)}\n`)
  await rename(`${file}.new`, file)
}
