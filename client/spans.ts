/** Operations of one large read or write that are under way at the same time. */
const IN_FLIGHT = 8

/**
 * Cuts `total` bytes into spans and works on several at a time. Waits for all that were begun, also where one fails: until
 * then their memory is in use.
 */
export async function inSpans(
  total: number,
  spanAt: (done: number) => number,
  work: (done: number, length: number) => Promise<void>,
): Promise<void> {
  const whole = spanAt(0)
  if (whole === total) {
    if (total > 0) await work(0, total)
    return
  }
  let next = 0
  let failed = false
  const worker = async (): Promise<void> => {
    while (next < total && !failed) {
      const done = next
      const length = spanAt(done)
      next += length
      try {
        await work(done, length)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, worker))
  for (const result of results) {
    if (result.status === 'rejected') throw result.reason
  }
}
