/** An answer that is certain from now on, since what it tells of has happened, and that is given when something else is over. */
export class Certain<A> {
  readonly answer: A
  readonly when: Promise<void>

  constructor(answer: A, when: Promise<void>) {
    this.answer = answer
    this.when = when
  }
}

/** What carrying an operation out gives. */
export type Ran<A> = A | Promise<A> | Certain<A>

export function whenGiven<A>(ran: Ran<A>): A | Promise<A> {
  return ran instanceof Certain ? ran.when.then(() => ran.answer) : ran
}
