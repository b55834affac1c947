/** What can be said to every command that makes nodes. */
import { type Command, Option } from 'commander'
import type { CreateOptions } from '../client/index.ts'
import { duration } from './flags.ts'

export interface CreationFlags {
  readonly parents?: boolean
  readonly class?: string
  readonly near?: string
  readonly ttl?: number
}

export function addParentsFlag(command: Command): Command {
  return command.option('-p, --parents', 'create missing directories above, too')
}

/** Where the bytes go. */
export function addPlaceFlags(command: Command): Command {
  return addNearFlag(command).option(
    '--class <names>',
    'storage class to take first; or several, separated by commas: exactly these',
  )
}

export function addNearFlag(command: Command): Command {
  return command.option('--near <path>', 'prefer the server or host that holds the bytes of this node')
}

export function addTtlFlag(command: Command): Command {
  return command.addOption(
    new Option('--ttl <time>', 'delete it after this time, with everything below, as nobody renews it: 30s, 10m').argParser(
      duration,
    ),
  )
}

export function creationOptions({ parents = false, class: names, near, ttl }: CreationFlags): CreateOptions {
  const classes = names?.split(',') ?? []
  return {
    parents,
    ...(names !== undefined && { storageClass: classes.length > 1 ? classes : names }),
    ...(near !== undefined && { near }),
    ...(ttl !== undefined && { ttlMs: ttl }),
  }
}
