import type { Table } from './experiment.ts'

/** On a terminal: the first column to the left, the others to the right. */
export function textOf({ caption, head, rows }: Table): string {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...lines.map(cells => cells[column]!.length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd()
  return [caption, ...lines.map(line)].join('\n')
}

export function printTable(table: Table): void {
  console.log(`${textOf(table)}\n`)
}

/** The same in Markdown. */
export function markdownOf({ caption, head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return [...(caption ? [`${caption}:`, ''] : []), line(head), line(rule), ...rows.map(line)].join('\n')
}

/** What is to be reached, and whether it was. */
export function verdict(target: string, reached: boolean): string {
  return reached ? target : `${target}: missed`
}

/** Of a share of something that was not measured. */
export function unheld(target: string): string {
  return `${target}: nothing to hold it against`
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

export function share(value: number): string {
  return value.toFixed(2)
}
