/** Bytes in the REST face: in base64, in the field `bytes`. */
import Type, { type TSchema } from 'typebox'
import { type AnswerOf, catalogue } from '../protocol/catalogue.ts'
import { GliderError } from '../protocol/errors.ts'
import type { Meter } from '../protocol/meter.ts'
import type { Operation } from '../protocol/operation.ts'
import type { Reply } from '../protocol/peer.ts'
import { storageClass, target } from '../protocol/schemas.ts'
import type { Caller } from './caller.ts'
import type { Operations } from './operations.ts'

/** Of an operation whose bytes travel with it, what REST takes and gives. */
export interface BytesRoute {
  readonly operation: Pick<Operation, 'name' | 'summary' | 'by'>
  readonly bodySchema: TSchema
  readonly answerSchema: TSchema
  run(body: unknown, caller: Caller): Promise<unknown>
}

const encoded = (description: string): TSchema =>
  Type.String({ description: `${description}, in base64`, contentEncoding: 'base64' })

/** REST reaches the metadata server only, so it carries what is kept there. */
export function bytesRoutes(operations: Operations, meter?: Meter): BytesRoute[] {
  const { put, get } = catalogue
  const options = { parents: Type.Optional(Type.Boolean()), storageClass: Type.Optional(storageClass) }
  return [
    {
      operation: put,
      bodySchema: Type.Object({ ...target, ...options, bytes: encoded('the bytes') }),
      answerSchema: put.answerSchema,
      async run(body, caller) {
        const { bytes, rest } = decodeBytes('put', body)
        const head = put.parseHead(rest)
        if (meter) meter.received[put.code]! += bytes.length
        const reply = await run<AnswerOf<typeof put>>(operations, 'put', head, bytes, caller)
        if (reply.head.stored) return reply.head
        const { inlineBytes } = reply.head
        const many = `REST carries at most ${inlineBytes} bytes, and as long as there is memory for them`
        throw new GliderError(
          'INVALID_ARGUMENT',
          `${nameOf(head)}: ${bytes.length} bytes are too many: ${many}; put them with the SDK`,
        )
      },
    },
    {
      operation: get,
      bodySchema: Type.Object(target),
      answerSchema: Type.Object({ bytes: encoded('the bytes') }),
      async run(body, caller) {
        const head = get.parseHead(body ?? {})
        const { head: answer, body: bytes = NONE } = await run<AnswerOf<typeof get>>(
          operations,
          'get',
          { ...head, blocks: 0 },
          NONE,
          caller,
        )
        if (meter) meter.sent[get.code]! += bytes.length
        if (!answer.opened) return { bytes: Buffer.from(bytes).toString('base64') }
        const { path, size } = answer.opened
        throw new GliderError(
          'INVALID_ARGUMENT',
          `${path} has ${size} bytes in blocks, which REST does not reach: get them with the SDK`,
        )
      },
    },
  ]
}

const NONE = Buffer.alloc(0)

async function run<A>(
  operations: Operations,
  name: 'put' | 'get',
  head: unknown,
  bytes: Buffer,
  caller: Caller,
): Promise<Reply<A>> {
  const routine = operations.routine(name)
  if (!routine) throw new GliderError('INTERNAL', `the operation ${name} has no routine`)
  return routine.run(head, caller, bytes) as Reply<A> | Promise<Reply<A>>
}

/**
 * Splits the field `bytes` off a body.
 * @throws GliderError INVALID_ARGUMENT
 */
export function decodeBytes(operation: string, body: unknown): { bytes: Buffer; rest: Record<string, unknown> } {
  const { bytes, ...rest } = (body ?? {}) as Record<string, unknown>
  if (typeof bytes !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(bytes)) {
    throw new GliderError('INVALID_ARGUMENT', `${operation}: bytes must be there, in base64`)
  }
  return { bytes: Buffer.from(bytes, 'base64'), rest }
}

function nameOf({ path, node, key }: { path?: string; node?: number; key?: string }): string {
  return path ?? (key === undefined ? `node ${node}` : `key ${key} of node ${node}`)
}
