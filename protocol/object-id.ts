import type { Generation } from './generation.ts'

/** Names one object among all that ever were; stands for it in chains. */
export function objectId(incarnation: string, slot: number, { epoch, counter }: Generation): string {
  return `${incarnation}.${slot}.${epoch}.${counter}`
}
