/** Keeps so many operations under way until all have been done. */
export async function pipelined(
  operations: number,
  inFlight: number,
  operation: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < operations) await operation(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}
