import { systemClock } from '../../protocol/clock.system.ts'
import { Child } from './child.ts'
import type { Counts, FromClient, Gone, Inheritance, Noted } from './messages.ts'
import type { ClientSeat } from './schedule.ts'
import { within } from './waiting.ts'

/** More than the longest operation may take. */
const WORD_MS = 100_000

export interface Listener {
  readonly broken: (what: string) => void
  readonly counted: (counts: Counts) => void
  readonly gone: (gone: Gone) => void
}

/** One client at a time, and what it was promised. */
export class ClientPlace {
  readonly seat: ClientSeat
  readonly #address: string
  readonly #listener: Listener
  #child: Child | undefined
  #lives = 0
  #wanted = false
  #whole = new Map<string, number>()
  #pieces = new Map<string, number[]>()
  /** Who waits for a word of the client. */
  #waiting: { readonly word: string; readonly resolve: (message: FromClient) => void } | undefined
  busy: Promise<unknown> = Promise.resolve()

  constructor(seat: ClientSeat, address: string, listener: Listener) {
    this.seat = seat
    this.#address = address
    this.#listener = listener
  }

  get child(): Child {
    return this.#child!
  }

  /** Where it keeps what is its own. */
  get root(): string {
    return `/${this.seat}-${this.#lives}`
  }

  /** Resolves once its program is there. */
  async load(): Promise<void> {
    const child = new Child('test/faults/client-process.js', [], {}, message => this.#hear(message as FromClient))
    this.#child = child
    this.#wanted = true
    void child.exited.then(how => {
      if (this.#wanted && this.#child === child) this.#listener.broken(`${this.seat} broke down: ${how}`)
    })
    await this.#word('loaded')
  }

  begin(seed: number, calm: boolean, inherited?: Inheritance): void {
    this.#lives++
    this.#whole = new Map()
    this.#pieces = new Map()
    this.child.tell({
      begin: { address: this.#address, root: this.root, seed: seed + this.#lives, calm, ...(inherited && { inherited }) },
    })
  }

  /** Resolves with its answer, which is of that name. */
  ask(command: 'pause' | 'verify' | 'close', answer: string): Promise<FromClient> {
    const word = this.#word(answer)
    this.child.tell({ [command]: true })
    return within(`${this.seat} until it is ${answer}`, systemClock, WORD_MS, word)
  }

  /** Kills it, and puts another in its place, which finds out about what this one was promised. */
  async die(seed: number): Promise<void> {
    this.#wanted = false
    await this.child.end('SIGKILL')
    const inherited: Inheritance = {
      root: this.root,
      whole: Object.fromEntries(this.#whole),
      pieces: Object.fromEntries(this.#pieces),
    }
    await this.load()
    this.begin(seed, false, inherited)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#wanted = false
    if (this.#child) await this.#child.end('SIGKILL')
  }

  #word(word: string): Promise<FromClient> {
    const gone = this.child.exited.then(how => {
      throw new Error(`${this.seat} has gone: ${how}`)
    })
    return Promise.race([
      new Promise<FromClient>(resolve => {
        this.#waiting = { word, resolve }
      }),
      gone,
    ])
  }

  #hear(message: FromClient): void {
    if ('noted' in message) this.#note(message.noted)
    else if ('counted' in message) this.#listener.counted(message.counted)
    else if ('broken' in message) this.#listener.broken(`${this.seat}: ${message.broken}`)
    else if ('gone' in message) this.#listener.gone(message.gone)
    else if (this.#waiting && this.#waiting.word in message) this.#waiting.resolve(message)
  }

  #note(noted: Noted): void {
    const { path } = noted
    switch (noted.kind) {
      case 'whole':
        this.#whole.set(path, noted.version)
        return
      case 'piece': {
        const pieces = this.#pieces.get(path)
        if (pieces) pieces.push(noted.version)
        else this.#pieces.set(path, [noted.version])
        return
      }
      case 'dropped':
        this.#whole.delete(path)
        this.#pieces.delete(path)
    }
  }
}
