/** The two ways of doing the same work, by the names that they have in JSON, in the order in which they are told. */
export const ways = ['dataShipping', 'nearData'] as const
export type WayName = (typeof ways)[number]

/** For people. */
export const wayTitles: Readonly<Record<WayName, string>> = { dataShipping: 'data-shipping', nearData: 'near-data' }

/** The same of each way. */
export function ofBoth<T>(of: (way: WayName) => T): Record<WayName, T> {
  const [dataShipping, nearData] = ways
  return { dataShipping: of(dataShipping), nearData: of(nearData) }
}
