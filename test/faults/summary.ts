import type { FaultReport } from './run.ts'

/** The numbers of a run, for people. */
export function summaryOf({
  seed,
  seconds,
  broken,
  operations,
  faults,
  counts,
  errors,
  verified,
  resident,
}: FaultReport): string {
  const lines = [`seed ${seed}: ${operations} operations in ${seconds} s, ${verified} acknowledged things read again at the end`]
  const total = Object.values(faults).reduce((sum, count) => sum + count, 0)
  lines.push('', `${total} faults: ${listed(faults)}`, '', `errors: ${listed(errors) || 'none'}`)
  for (const [kind, { ok = 0, ...codes }] of byName(counts))
    lines.push(`  ${kind.padEnd(20)} ${String(ok).padStart(7)} ok${listed(codes) && `, ${listed(codes)}`}`)
  lines.push('', 'resident MiB and open handles at the start and at the end:')
  for (const [name, { startMiB, endMiB, startHandles, endHandles }] of Object.entries(resident))
    lines.push(`  ${name.padEnd(20)} ${startMiB} to ${endMiB} MiB, ${startHandles} to ${endHandles} handles`)
  lines.push('', broken.length === 0 ? 'every rule held' : `BROKEN:\n${broken.join('\n')}`)
  return lines.join('\n')
}

function listed(counts: Readonly<Record<string, number>>): string {
  return byName(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}

function byName<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1))
}
