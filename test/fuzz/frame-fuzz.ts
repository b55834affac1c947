/** Feeds mutated conversations to real handlers, and sees that each is answered or closed, and gives back what it took. */
import { systemClock } from '../../protocol/clock.system.ts'
import type { ConnectionCore } from '../../protocol/connection.ts'
import { transportPair } from '../../protocol/testing/memory-transport.ts'
import { RawPeer } from '../../protocol/testing/raw-peer.ts'
import type { Chance } from './chance.ts'
import { conversation, mutate } from './frames.ts'
import { accept, connect, type Fuzzed } from './servers.ts'
import { Seen } from './values.ts'

/** Of one conversation, at most. */
const FRAMES = 40
/** An answer that is due comes within this, on a machine that does other things as well. */
export const BOUND_MS = 10_000
const CHECK_EVERY = 50

export interface Tally {
  frames: number
  /** Of them, those that are not as a client sends them. */
  mutated: number
  conversations: number
  closed: number
  answers: number
  errors: Record<string, number>
  checks: number
}

export function newTally(): Tally {
  return { frames: 0, mutated: 0, conversations: 0, closed: 0, answers: 0, errors: {}, checks: 0 }
}

/**
 * @param mutated how many mutated frames to send, among sound ones that lead up to them
 * @throws what is wrong, with the seed's number of the conversation
 */
export async function fuzzFrames(server: Fuzzed, chance: Chance, mutated: number, tally: Tally): Promise<void> {
  const client = await connect(server)
  const seen = new Seen()
  try {
    for (const end = tally.mutated + mutated; tally.mutated < end; ) {
      await converse(server, seen, chance, tally)
      if (tally.conversations % CHECK_EVERY > 0) continue
      await within(`a transfer of another client of the ${server.name} server`, server.check(client))
      tally.checks++
    }
  } finally {
    client.close()
  }
  const { budget, backlog } = server.context
  // What a thread was busy with when its asker went is given back when the thread says so.
  for (const end = systemClock.now() + BOUND_MS; budget.used + backlog.bytes !== 0 && systemClock.now() < end; ) await turns(1)
  if (budget.used !== 0) throw new Error(`${server.name}: ${budget.used} bytes of the budget were not given back`)
  if (backlog.bytes !== 0) throw new Error(`${server.name}: ${backlog.bytes} bytes of backlog were not given back`)
}

async function converse(server: Fuzzed, seen: Seen, chance: Chance, tally: Tally): Promise<void> {
  const conversed = conversation(server, seen, chance, 2 + chance.below(FRAMES))
  mutate(conversed, chance)
  const { frames, mutated } = conversed
  tally.frames += frames.length
  tally.mutated += mutated.size
  tally.conversations++
  const cut = chance.of([17, 100, 1_000, 65_536])
  const landing = chance.oneIn(2)
  const [transport, other] = transportPair({ cut: () => cut, landing }, {})
  const connection = accept(server, transport)
  const peer = new RawPeer(other)
  for (const frame of frames) peer.sendBytes(frame)
  await settled(connection, peer)
  look(server, peer, seen, tally)
  if (connection.closed) tally.closed++
  connection.close()
  // What it had under way ends with it.
  await turns(1)
  if (connection.load !== 0) throw new Error(`${server.name}: ${connection.load} requests and streams outlive their connection`)
}

/** All of it was taken in, or the connection has closed, and what can be answered at once was. */
async function settled(connection: ConnectionCore, peer: RawPeer): Promise<void> {
  peer.send('ping')
  const pongs = peer.all('pong').length
  for (let turn = 0; turn < 6; turn++) {
    await turns(1)
    if (connection.closed) break
    if (peer.all('pong').length > pongs) break
  }
  await turns(1)
}

function look(server: Fuzzed, peer: RawPeer, seen: Seen, tally: Tally): void {
  for (const { kind, head, id } of peer.frames) {
    if (kind === 'response' || kind === 'end') {
      tally.answers++
      if (head[0] === 0x7b) seen.learn(JSON.parse(head.toString()))
    } else if (kind === 'error' || kind === 'reset') {
      const { code, message } = JSON.parse(head.toString()) as { code: string; message: string }
      tally.errors[code] = (tally.errors[code] ?? 0) + 1
      if (code === 'INTERNAL') throw new Error(`${server.name}: request ${id} was answered INTERNAL: ${message}`)
    }
  }
}

function turns(count: number): Promise<void> {
  return new Promise(resolve => {
    const turn = (left: number): void => {
      if (left === 0) resolve()
      else setImmediate(() => turn(left - 1))
    }
    turn(count)
  })
}

/** @throws where it takes longer than the bound */
export function within<T>(what: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = systemClock.after(BOUND_MS, () => reject(new Error(`${what} takes longer than ${BOUND_MS} ms`)))
    work.then(resolve, reject).finally(() => timer.cancel())
  })
}
