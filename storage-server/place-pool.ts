/** Where the bytes of one block are. Pinned while an operation may still read from it or write into it. */
export interface Place {
  pins: number
  /** No block has it any more: it goes back to the pool with its last pin. */
  retired: boolean
}

/**
 * Places made as needed and used again last in, first out: what was touched last is warm. Always holds: the place of a block
 * is given to another only when nothing is pinned, so that nobody is sent, or overwrites, foreign bytes.
 */
export class PlacePool<P extends Place> {
  readonly #make: () => P
  readonly #spare: P[] = []

  constructor(make: () => P) {
    this.#make = make
  }

  take(): P {
    const place = this.#spare.pop() ?? this.#make()
    place.retired = false
    return place
  }

  retire(place: P): void {
    place.retired = true
    if (place.pins === 0) this.#spare.push(place)
  }

  unpin(place: P): void {
    place.pins--
    if (place.retired && place.pins === 0) this.#spare.push(place)
  }
}
