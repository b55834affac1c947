import type { StoreClient } from '../../client/index.ts'
import type { EchoClient } from '../echo.ts'
import { pipelined } from '../pipelined.ts'
import type { Figure } from '../rounds.ts'

/** Size of the values that are put and got. */
export const VALUE_BYTES = 1024
/** So many keys take turns. */
export const KEYS = 10_000

/** What the figures work on. The names are made once, so that making them is nobody's cost. */
export interface Names {
  readonly files: readonly string[]
  readonly made: readonly string[]
  readonly renamed: readonly string[]
  readonly keys: readonly string[]
}

export function namesFor(operations: number): Names {
  const many = (count: number, prefix: string): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}${index.toString().padStart(12, '0')}`)
  return {
    files: many(operations, '/files/f'),
    made: many(operations, '/made/m'),
    renamed: many(operations, '/made/r'),
    keys: many(KEYS, 'k'),
  }
}

/** Makes what the figures expect to find. */
export async function prepare(store: StoreClient, names: Names): Promise<void> {
  for (const path of ['/files', '/made']) await store.create(path, 'directory')
  const table = await store.create('/table', 'table')
  await pipelined(names.files.length, 64, index => store.create(names.files[index]!, 'file'))
  await pipelined(names.keys.length, 64, index => table.put(names.keys[index]!, Buffer.alloc(VALUE_BYTES)))
}

/**
 * The figures of the SDK, beside the echo. Of each round, `rename` takes what `create` has made, and `delete` takes that away,
 * so they have to run in this order.
 */
export async function storeFigures(
  store: StoreClient,
  echo: EchoClient,
  names: Names,
  operations: number,
  inFlight: number,
): Promise<Figure[]> {
  const { files, made, renamed, keys } = names
  const table = await store.lookup('/table', 'table')
  const value = Buffer.alloc(VALUE_BYTES, 7)
  const figure = (name: string, operation: (index: number) => Promise<unknown>): Figure => ({
    name,
    amount: operations,
    work: () => pipelined(operations, inFlight, operation),
  })
  return [
    figure('echo', index => echo.echo(files[index]!)),
    figure('lookup', index => store.lookup(files[index]!)),
    figure('stat', index => store.stat(files[index]!)),
    figure('create', index => store.create(made[index]!, 'file')),
    figure('rename', index => store.rename(made[index]!, renamed[index]!)),
    figure('delete', index => store.delete(renamed[index]!)),
    figure('inlinePut', index => table.put(keys[index % KEYS]!, value)),
    figure('inlineGet', index => table.get(keys[index % KEYS]!)),
  ]
}

/** The same `create` on another metadata server, by itself. */
export function createFigure(name: string, store: StoreClient, names: Names, operations: number, inFlight: number): Figure {
  return {
    name,
    amount: operations,
    before: async () => {
      await store.delete('/made', { recursive: true })
      await store.create('/made', 'directory')
    },
    work: () => pipelined(operations, inFlight, index => store.create(names.made[index]!, 'file')),
  }
}
