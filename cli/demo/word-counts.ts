/** How many keys a table is made for. */
const FIRST_KEYS = 1024
const COMMA = 44
const APOSTROPHE = 39
const ZERO = 48

/** By byte: what a letter A–Z or a–z is in lower case, an apostrophe is itself, anything else 0. */
const inWord = new Uint8Array(256)
for (let letter = 97; letter <= 122; letter++) {
  inWord[letter] = letter
  inWord[letter - 32] = letter
}
inWord[APOSTROPHE] = APOSTROPHE

/**
 * How often each word occurs. A word is a letter A–Z and the letters and apostrophes behind it, in lower case. Words are bytes,
 * found by their hash: no string is made to count one. Always holds: the words of one table have distinct bytes.
 */
export class WordCounts {
  /** Open addressing: key number + 1, 0 where free; at most half full. */
  #table = new Int32Array(2 * FIRST_KEYS)
  #hashes = new Int32Array(FIRST_KEYS)
  /** Where each word begins in `#words`; it ends where the next one begins. */
  #starts = new Float64Array(FIRST_KEYS + 1)
  #counts = new Float64Array(FIRST_KEYS)
  #words = Buffer.allocUnsafeSlow(16 * FIRST_KEYS)
  #size = 0

  /** How many words there are. */
  get size(): number {
    return this.#size
  }

  /** Counts the words of a line, or of any text that no word goes beyond. */
  addText(text: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const first = inWord[text[at]!]!
      if (first === 0 || first === APOSTROPHE) {
        at++
        continue
      }
      const wordStart = at
      let hash = 0
      for (let letter = first; letter !== 0; letter = at < end ? inWord[text[at]!]! : 0) {
        hash = Math.imul(hash ^ letter, 0x01000193) ^ (hash >>> 17)
        at++
      }
      this.#add(hash, text, wordStart, at, 1)
    }
  }

  /** Adds a line `word,count`, as {@link partition} writes it. */
  addLine(line: Buffer, start: number, end: number): void {
    const comma = line.indexOf(COMMA, start)
    let count = 0
    for (let at = comma + 1; at < end; at++) count = count * 10 + line[at]! - ZERO
    let hash = 0
    for (let at = start; at < comma; at++) hash = Math.imul(hash ^ line[at]!, 0x01000193) ^ (hash >>> 17)
    this.#add(hash, line, start, comma, count)
  }

  /** Lines `word,count` for so many reducers: a word belongs to the same one whoever counts it. */
  partition(reducers: number): Buffer[] {
    const lengths = new Float64Array(reducers)
    const numbers: string[] = []
    for (let key = 0; key < this.#size; key++) {
      const number = `,${this.#counts[key]!}\n`
      numbers.push(number)
      lengths[this.#reducerOf(key, reducers)]! += this.#starts[key + 1]! - this.#starts[key]! + number.length
    }
    const parts = Array.from(lengths, length => Buffer.allocUnsafeSlow(length))
    const filled = new Float64Array(reducers)
    for (let key = 0; key < this.#size; key++) {
      const reducer = this.#reducerOf(key, reducers)
      const part = parts[reducer]!
      const at = filled[reducer]! + this.#words.copy(part, filled[reducer], this.#starts[key], this.#starts[key + 1])
      filled[reducer] = at + part.write(numbers[key]!, at, 'latin1')
    }
    return parts
  }

  #reducerOf(key: number, reducers: number): number {
    // The table looks at the low bits.
    return (this.#hashes[key]! >>> 8) % reducers
  }

  #add(hash: number, bytes: Buffer, start: number, end: number, count: number): void {
    const mask = this.#table.length - 1
    let slot = (hash ^ (hash >>> 15)) & mask
    for (; ; slot = (slot + 1) & mask) {
      const key = this.#table[slot]! - 1
      if (key === -1) break
      if (this.#hashes[key] === hash && this.#isWord(key, bytes, start, end)) {
        this.#counts[key]! += count
        return
      }
    }
    this.#insert(hash, bytes, start, end, count)
    this.#table[slot] = this.#size
    if (this.#size === this.#hashes.length) this.#grow()
  }

  #isWord(key: number, bytes: Buffer, start: number, end: number): boolean {
    const wordStart = this.#starts[key]!
    if (this.#starts[key + 1]! - wordStart !== end - start) return false
    for (let at = start, inTable = wordStart; at < end; at++, inTable++) {
      if (inWord[bytes[at]!] !== this.#words[inTable]) return false
    }
    return true
  }

  #insert(hash: number, bytes: Buffer, start: number, end: number, count: number): void {
    const key = this.#size++
    const wordStart = this.#starts[key]!
    const wordEnd = wordStart + end - start
    if (wordEnd > this.#words.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(wordEnd, 2 * this.#words.length))
      this.#words.copy(grown, 0, 0, wordStart)
      this.#words = grown
    }
    for (let at = start, inTable = wordStart; at < end; at++, inTable++) this.#words[inTable] = inWord[bytes[at]!]!
    this.#starts[key + 1] = wordEnd
    this.#hashes[key] = hash
    this.#counts[key] = count
  }

  #grow(): void {
    const keys = 2 * this.#hashes.length
    this.#hashes = enlarged(this.#hashes, new Int32Array(keys))
    this.#starts = enlarged(this.#starts, new Float64Array(keys + 1))
    this.#counts = enlarged(this.#counts, new Float64Array(keys))
    this.#table = new Int32Array(2 * keys)
    const mask = this.#table.length - 1
    for (let key = 0; key < this.#size; key++) {
      const hash = this.#hashes[key]!
      let slot = (hash ^ (hash >>> 15)) & mask
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask
      this.#table[slot] = key + 1
    }
  }
}

function enlarged<A extends Int32Array | Float64Array>(from: A, to: A): A {
  to.set(from)
  return to
}
