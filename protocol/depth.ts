/** Deeper JSON cannot be written again, copied to a thread or shown without running out of stack. */
export const MOST_DEPTH = 500

/** Whether objects and arrays lie within each other deeper than {@link MOST_DEPTH}. Takes no stack itself. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MOST_DEPTH) return true
    const next: unknown[] = []
    for (const one of level) {
      if (typeof one === 'object' && one !== null) for (const inner of Object.values(one)) next.push(inner)
    }
    level = next
  }
  return false
}
