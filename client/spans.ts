/** Operations of one large read or write that are under way at the same time. */
const IN_FLIGHT = 8

type Work = (done: number, length: number) => Promise<void>

/**
 * Cuts `total` bytes into spans and works on several at a time. Waits for all that were begun, also where one fails: until
 * then their memory is in use.
 */
export function inSpans(total: number, spanAt: (done: number) => number, work: Work): Promise<void> {
  if (total === 0) return Promise.resolve()
  return spanAt(0) === total ? work(0, total) : inSeveralSpans(total, spanAt, work)
}

async function inSeveralSpans(total: number, spanAt: (done: number) => number, work: Work): Promise<void> {
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
