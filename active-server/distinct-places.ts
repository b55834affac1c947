/**
 * Places for Node's permission model, each of them once: it breaks down over one that is told a second time. What lies in a folder that
 * is told with all that is in it need not be told by itself.
 * @param places absolute paths; one that ends in `/*` is a folder with all that is in it
 */
export function distinctPlaces(places: readonly string[]): string[] {
  const folders = places.filter(place => place.endsWith('/*')).map(place => place.slice(0, -1))
  const isWithin = (place: string): boolean => folders.some(folder => place.startsWith(folder) && place !== `${folder}*`)
  return [...new Set(places)].filter(place => !isWithin(place))
}
