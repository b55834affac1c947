const TO_UNIT = 2 ** -32

/** Numbers from 0 to 1, each as likely as any other, the same ones for the same seeds. The generator sfc32 of Doty-Humphrey (PractRand). */
export function lots(seed: number, stream: number): () => number {
  let a = seed | 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = stream | 0
  let counter = 1
  const next = (): number => {
    const sum = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  // Seeds that differ little begin alike.
  for (let round = 0; round < 12; round++) next()
  // 64 bits, of which a double keeps 53: two lines with one lot would be rare, but then the later one would never be taken.
  return () => (next() + next() * TO_UNIT) * TO_UNIT
}
