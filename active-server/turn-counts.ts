import { Counter, type Registry } from 'prom-client'
import type { GliderError } from '../protocol/errors.ts'

/** What an object is asked to do: a hook, or a call. */
const kinds = ['create', 'delete', 'write', 'read', 'call'] as const
export type TurnKind = (typeof kinds)[number]

/** Counts what the objects of a server have done. */
export class TurnCounts {
  readonly #ended = { create: 0, delete: 0, write: 0, read: 0, call: 0 } satisfies Record<TurnKind, number>
  readonly #failed = { ...this.#ended }

  ended(kind: TurnKind, error: GliderError | undefined): void {
    this.#ended[kind] += 1
    if (error?.code === 'ACTION_FAILED') this.#failed[kind] += 1
  }

  register(registry: Registry): void {
    byKind(registry, 'glider_action_turns_total', 'Hooks and calls of actions that are over.', this.#ended)
    byKind(registry, 'glider_action_failures_total', 'Of them, those whose code threw.', this.#failed)
  }
}

function byKind(registry: Registry, name: string, help: string, counts: Readonly<Record<TurnKind, number>>): void {
  new Counter({
    name,
    help,
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      this.reset()
      for (const kind of kinds) this.inc({ kind }, counts[kind])
    },
  })
}
