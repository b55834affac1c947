/** Where each register has 6 bits of rank, 16,384 of them give a standard error of 0.81 %. */
const PRECISION = 14
const REGISTERS = 2 ** PRECISION
/** Bits of the hash that are not the number of a register. */
const RANK_BITS = 64 - PRECISION

/**
 * Estimates how many different keys there were, in 16 KiB whatever their number, with a standard error of 1.04 / √16,384 = 0.81 %.
 * A register holds the highest position of a first 1-bit among the hashes that fell to it (Flajolet, Fusy, Gandouet and Meunier,
 * "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", 2007), hashes have 64 bits, as in HyperLogLog++ (Heule,
 * Nunkesser and Hall, 2013). The estimate is the "improved raw estimator" of Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches" (2017), section 4: without bias from no key on, and without the tables that HyperLogLog++ needs for that.
 * Two of them merge to the one that would have seen all keys of both.
 */
export class HyperLogLog {
  readonly #registers = new Uint8Array(REGISTERS)

  add(bytes: Uint8Array, start: number, end: number): void {
    // Two hashes of 32 bits with seeds and multipliers of their own.
    const high = hash32(bytes, start, end, 0x9747b28c, 0xcc9e2d51, 0x1b873593)
    const low = hash32(bytes, start, end, 0x3c6ef372, 0x239b961b, 0xab0e9789)
    const register = high >>> (32 - PRECISION)
    const rest = high << PRECISION
    const zeros = rest === 0 ? 32 - PRECISION + Math.clz32(low) : Math.clz32(rest)
    const rank = Math.min(zeros, RANK_BITS) + 1
    if (rank > this.#registers[register]!) this.#registers[register] = rank
  }

  merge(other: HyperLogLog): void {
    for (let register = 0; register < REGISTERS; register++) {
      const rank = other.#registers[register]!
      if (rank > this.#registers[register]!) this.#registers[register] = rank
    }
  }

  estimate(): number {
    const count = new Float64Array(RANK_BITS + 2)
    for (const rank of this.#registers) count[rank]!++
    let z = REGISTERS * tau(1 - count[RANK_BITS + 1]! / REGISTERS)
    for (let rank = RANK_BITS; rank >= 1; rank--) z = 0.5 * (z + count[rank]!)
    z += REGISTERS * sigma(count[0]! / REGISTERS)
    return REGISTERS ** 2 / (2 * Math.LN2 * z)
  }
}

/** x + Σ x^(2^k) 2^(k−1): what the registers that are still empty tell. */
function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY
  let power = x
  let weight = 1
  let sum = x
  for (let before = Number.NaN; sum !== before; ) {
    before = sum
    power *= power
    sum += power * weight
    weight *= 2
  }
  return sum
}

/** (1 − x − Σ (1 − x^(2^−k))² 2^(−k)) / 3: what the registers that are full tell. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0
  let root = x
  let weight = 1
  let sum = 1 - x
  for (let before = Number.NaN; sum !== before; ) {
    before = sum
    root = Math.sqrt(root)
    weight *= 0.5
    sum -= (1 - root) ** 2 * weight
  }
  return sum / 3
}

/** The 32-bit murmur hash 3 of Appleby, in the public domain; with multipliers to choose. */
function hash32(bytes: Uint8Array, start: number, end: number, seed: number, c1: number, c2: number): number {
  let hash = seed
  let at = start
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    const mixed = Math.imul(word, c1)
    hash ^= Math.imul((mixed << 15) | (mixed >>> 17), c2)
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let shift = 0; at < end; at++, shift += 8) tail |= bytes[at]! << shift
  const mixed = Math.imul(tail, c1)
  hash ^= Math.imul((mixed << 15) | (mixed >>> 17), c2) ^ (end - start)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
