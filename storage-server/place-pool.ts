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
  /** Made ahead, and never used yet. */
  readonly #fresh: P[] = []
  #made = 0
  /** Told when a place is used for the first time. */
  onFreshTaken: (() => void) | undefined

  constructor(make: () => P) {
    this.#make = make
  }

  /** Places that are there, used or not. */
  get made(): number {
    return this.#made
  }

  /** Places that wait for a block. */
  get ready(): number {
    return this.#spare.length + this.#fresh.length
  }

  /** One more, that is nobody's until it comes back by `stock`. */
  make(): P {
    this.#made++
    return this.#make()
  }

  stock(place: P): void {
    this.#fresh.push(place)
  }

  take(): P {
    const place = this.#spare.pop() ?? this.#takeFresh()
    place.retired = false
    return place
  }

  #takeFresh(): P {
    const place = this.#fresh.pop() ?? this.make()
    this.onFreshTaken?.()
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
