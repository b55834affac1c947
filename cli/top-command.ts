import { type Command, Option } from 'commander'
import type { CallOptions, StoreClient } from '../client/index.ts'
import { formatSize } from '../client/units.ts'
import { systemStopwatch } from './clock.system.ts'
import { duration, wholeNumber } from './flags.ts'
import { fetchMetrics, pause, type Samples } from './metrics.system.ts'
import type { Session } from './session.ts'
import { columns, printable } from './table.ts'
import { type Figures, figuresOf, type Sight } from './top-figures.ts'

interface TopOptions {
  readonly interval: number
  readonly once?: boolean
  readonly actions: number
}

/** Back to the first place of a terminal, and nothing behind it. */
const CLEAR = '\u001b[H\u001b[2J'

/** `top`: what the servers, classes and actions of a cluster do. */
export function addTopCommand(program: Command, session: Session): void {
  program
    .command('top')
    .description('show what servers, classes and the busiest actions do, until it is interrupted')
    .addOption(new Option('--interval <time>', 'between two looks').argParser(duration).default(2_000, '2s'))
    .option('--once', 'one look over one interval, and no more')
    .option('--actions <number>', 'how many of the busiest', wholeNumber(0, 1_000), 10)
    .action((options: TopOptions) => session.withStore((store, call) => top(session, store, call, options)))
}

async function top(session: Session, store: StoreClient, call: CallOptions, options: TopOptions): Promise<void> {
  const { stdout, signal } = session.io
  const { interval, once = false, actions } = options
  let before = await look(session, store, call)
  for (;;) {
    await pause(interval, signal)
    if (signal.aborted) return
    const now = await look(session, store, call)
    const figures = figuresOf(before, now, session.address.host, actions)
    if (stdout.isTTY && !once && !session.json) stdout.write(CLEAR)
    session.answer(figures, () => linesOf(figures))
    if (once) return
    before = now
  }
}

async function look(session: Session, store: StoreClient, call: CallOptions): Promise<Sight> {
  const { address, tlsCa } = session
  const { signal } = session.io
  const [servers, objects] = await Promise.all([store.servers(call), store.activity(call)])
  const addresses = [address.host, ...servers.filter(({ state }) => state !== 'dead').map(one => one.address)]
  const samples = new Map<string, Samples>()
  const scheme = address.protocol === 'https:' || address.protocol === 'wss:' ? 'https' : 'http'
  await Promise.all(
    addresses.map(async host => {
      const told = await fetchMetrics(new URL(`${scheme}://${host}/metrics`), tlsCa, signal)
      if (told) samples.set(host, told)
    }),
  )
  signal.throwIfAborted()
  return { atMs: systemStopwatch(), servers, samples, objects }
}

function linesOf({ servers, classes, actions }: Figures): string[] {
  const serverRows = servers.map(one => [
    one.id,
    one.role,
    one.address,
    one.state,
    one.use === undefined ? '' : `${Math.round(one.use * 100)} %`,
    shown(one.streams),
    shown(one.operationsPerSecond),
    bytes(one.receivedPerSecond),
    bytes(one.sentPerSecond),
    shown(one.stallsPerSecond),
  ])
  const classRows = classes.map(one => [one.class, one.servers, one.capacity, one.used, one.free].map(String))
  const actionRows = actions.map(({ path, server, streams, turns, turnsPerSecond }) => [
    printable(path),
    server,
    `${streams}`,
    shown(turnsPerSecond),
    `${turns}`,
  ])
  const serverHead = ['SERVER', 'ROLE', 'ADDRESS', 'STATE', 'USE', 'STREAMS', 'OPS/S', 'IN/S', 'OUT/S', 'STALLS/S']
  return [
    ...columns([serverHead, ...serverRows], [4, 5, 6, 7, 8, 9]),
    '',
    ...columns([['CLASS', 'SERVERS', 'CAPACITY', 'USED', 'FREE'], ...classRows], [1, 2, 3, 4]),
    '',
    ...columns([['ACTION', 'SERVER', 'STREAMS', 'TURNS/S', 'TURNS'], ...actionRows], [2, 3, 4]),
    '',
  ]
}

/** Of a server that does not answer there is nothing to tell. */
function shown(value: number | undefined): string {
  if (value === undefined) return '-'
  return value > 0 && value < 10 && !Number.isInteger(value) ? value.toFixed(1) : `${Math.round(value)}`
}

function bytes(value: number | undefined): string {
  return value === undefined ? '-' : formatSize(Math.round(value))
}
