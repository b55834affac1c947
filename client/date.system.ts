/** A moment as programs expect it, from milliseconds since 1970. */
export function dateOf(wallTime: number): Date {
  return new Date(wallTime)
}
