import { catalogue } from '../protocol/catalogue.ts'
import type { Clock } from '../protocol/clock.ts'
import { GliderError } from '../protocol/errors.ts'
import type { HandlerTable } from '../protocol/handlers.ts'
import { encodeInventory } from '../protocol/inventory.ts'
import { objectId } from '../protocol/object-id.ts'
import type { Call } from '../protocol/peer.ts'
import type { MuxStream } from '../protocol/stream.ts'
import type { Grants } from '../server/grants.ts'
import type { Traffic } from '../server/traffic.ts'
import { ObjectLog } from './action-logs.ts'
import { type BundleFiles, STANDARD_BUNDLE, standardModule } from './bundles.ts'
import type { Gate } from './gate.ts'
import { inspectModule } from './inspection.ts'
import { threadFor } from './placement.ts'
import type { Occupant, Slots } from './slots.ts'
import type { StreamQuota } from './stream-quota.ts'
import type { StreamTraffic } from './stream-traffic.ts'
import type { Threads } from './threads.ts'
import type { ServerTracing } from './tracing.ts'
import { WholeStreams } from './whole-streams.ts'

export interface ObjectParts {
  readonly incarnation: string
  readonly slots: Slots
  readonly grants: Grants
  readonly traffic: Traffic
  readonly streamTraffic: StreamTraffic
  readonly streams: StreamQuota
  readonly threads: Threads
  readonly bundles: BundleFiles
  readonly gate: Gate
  readonly clock: Clock
  readonly threadMemoryBytes: number
  readonly tracing: ServerTracing
}

/** Binds what the metadata server has done with objects, and what clients do with them. */
export function bindObjects(handlers: HandlerTable, parts: ObjectParts): void {
  const {
    incarnation,
    slots,
    grants,
    traffic,
    streamTraffic,
    streams,
    threads,
    bundles,
    gate,
    clock,
    threadMemoryBytes,
    tracing,
  } = parts

  const open = (occupant: Occupant, stream: MuxStream, use: () => Promise<void>): Promise<void> =>
    streams.during(() => slots.whileOpen(occupant, () => streamTraffic.during(stream, use)))

  handlers.answer(catalogue.startObject, async (head, call) => {
    requireMetadata(call)
    gate.checkRoom()
    const { slot, epoch, counter, path, params, interleaved, turnTimeoutMs, memoryBytes = 0, chain, operation } = head
    const module = head.bundle === STANDARD_BUNDLE ? standardModule : await bundles.module(head.version)
    const occupant: Occupant = {
      slot,
      generation: { epoch, counter },
      path,
      thread: threadFor(await threads.available(), slots, memoryBytes, threadMemoryBytes),
      log: new ObjectLog(),
      memoryBytes,
      turnTimeoutMs,
      streams: 0,
      turns: 0,
    }
    slots.take(occupant)
    try {
      const id = objectId(incarnation, slot, occupant.generation)
      const what = { id, module, class: head.class, path, params: params ?? null }
      await occupant.thread.createObject({ slot, ...what, interleaved, origin: { chain, operation } })
    } catch (error) {
      slots.release(occupant)
      throw error
    }
    return {}
  })

  handlers.answer(catalogue.stopObject, async ({ slot, epoch, counter, mode, ...origin }, call) => {
    requireMetadata(call)
    const occupant = slots.holder(slot, { epoch, counter })
    try {
      await occupant.thread.deleteObject(slot, mode, origin)
    } finally {
      slots.release(occupant)
    }
    return {}
  })

  handlers.answer(catalogue.inspectBundle, async ({ name, version, file = name }, call) => {
    requireMetadata(call)
    return { classes: await bundles.tryOut(version, module => inspectModule(module, file, clock)) }
  })

  handlers.answerBytes(catalogue.listObjects, ({ first }, _body, call) => {
    requireMetadata(call)
    const { rows, next } = slots.inventory(first)
    return { head: next === undefined ? {} : { next }, body: encodeInventory(rows) }
  })

  handlers.answer(catalogue.listActivity, ({ most }, call) => {
    requireMetadata(call)
    return { objects: slots.busiest(most) }
  })

  handlers.rawStream(catalogue.writeAction, async ({ location, key, acknowledge, confirm, ...origin }, stream) => {
    const occupant = slots.find(location, stream.connection)
    gate.check(origin.chain)
    await tracing.during('writeAction', occupant.path, origin, turn =>
      open(occupant, stream, () => {
        if (confirm) stream.confirm()
        if (acknowledge) stream.acknowledgeAll()
        return occupant.thread.write(stream, occupant.slot, { ...turn, key })
      }),
    )
    return {}
  })

  handlers.raw(catalogue.writeActionWhole, connection => {
    const guest = grants.guest(connection)
    return new WholeStreams(connection, { slots, traffic, quota: streams, gate, guest, tracing })
  })

  handlers.rawStream(catalogue.readAction, async ({ location, confirm, ...origin }, stream) => {
    const occupant = slots.find(location, stream.connection)
    gate.check(origin.chain)
    await tracing.during('readAction', occupant.path, origin, turn =>
      open(occupant, stream, () => {
        if (confirm) stream.confirm()
        return occupant.thread.read(stream, occupant.slot, turn)
      }),
    )
    return {}
  })

  handlers.stream(catalogue.readLogs, async ({ location, follow = false }, stream) => {
    const { log } = slots.find(location, stream.connection)
    for await (const lines of log.read(follow, stream.signal)) await stream.write(Buffer.from(lines))
    return {}
  })

  handlers.answerBytes(catalogue.callAction, async ({ location, name, ...origin }, body, { connection, signal }) => {
    const occupant = slots.find(location, connection)
    const { thread, slot, path } = occupant
    gate.check(origin.chain)
    const value = checkJson(name, body)
    traffic.operations += 1
    traffic.bytesIn += body.length
    try {
      const text = await tracing.during('callAction', path, origin, turn => thread.call(slot, name, value, turn, signal))
      const answer = Buffer.from(text)
      traffic.bytesOut += answer.length
      return { head: {}, body: answer }
    } finally {
      occupant.turns++
    }
  })
}

function requireMetadata({ connection }: Call): void {
  if (connection.peer.role !== 'metadata')
    throw new GliderError('FORBIDDEN', 'only the metadata server lists, makes and deletes objects')
}

/** @throws GliderError INVALID_ARGUMENT */
function checkJson(name: string, body: Buffer): string {
  const text = body.length === 0 ? 'null' : body.toString()
  try {
    JSON.parse(text)
  } catch (cause) {
    throw new GliderError('INVALID_ARGUMENT', `the value for ${name} is not JSON: ${(cause as Error).message}`, { cause })
  }
  return text
}
