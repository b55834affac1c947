const filler = Array.from({ length: 1024 }, (_, i) => `${i}`.padEnd(6, '.')).join('')

/** Text of at least so many characters that no other number's begins with, and that shows where it is from. */
export function pieceOf(number: number, size: number): string {
  const head = `<${number}>`
  const from = (number * 7) % 512
  return head + filler.slice(from, from + Math.max(0, size - head.length))
}

/** The pieces that a text is made of, as their numbers; undefined where it is made of anything else. */
export function piecesIn(text: string, size: (number: number) => number): number[] | undefined {
  const numbers: number[] = []
  for (let at = 0; at < text.length; ) {
    const number = /^<(\d+)>/.exec(text.slice(at, at + 12))?.[1]
    if (number === undefined) return undefined
    const piece = pieceOf(Number(number), size(Number(number)))
    if (!text.startsWith(piece, at)) return undefined
    numbers.push(Number(number))
    at += piece.length
  }
  return numbers
}
