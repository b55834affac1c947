import Type, { type Static, type TObject, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { GliderError } from './errors.ts'
import { encodeJson, isBinary, parseJson } from './json-heads.ts'
import type { HeadCodec, Numbers } from './value-heads.ts'

/** Which server answers an operation; `member` is storage and active servers alike. */
export type ServerRole = 'metadata' | 'storage' | 'active' | 'member'

/**
 * Who may ask for an operation.
 * - `tenant`: clients, in their own namespace.
 * - `operator`: clients that run the cluster.
 * - `server`: servers of the cluster.
 * - `anyone`: also those who have not yet proved who they are.
 */
export type Asker = 'tenant' | 'operator' | 'server' | 'anyone'

/**
 * How bytes go with an operation.
 * - `none`: a head each way.
 * - `body`: a request whose frame, and whose answer's, may carry a body.
 * - `upload`, `download`: a stream towards the server, or from it; the head of its last frame is the answer.
 */
export type ByteShape = 'none' | 'body' | 'upload' | 'download'

export interface OperationSpec<Head extends TSchema, Answer extends TSchema> {
  readonly code: number
  readonly server: ServerRole
  readonly summary: string
  /** Changes state: carries a sequence number, so that a repeat gets the first answer. */
  readonly changes?: true
  readonly bytes?: ByteShape
  /** Answers that servers ask of each other stay off the REST face. */
  readonly internal?: true
  /** @default 'tenant' */
  readonly by?: Asker
  readonly head: Head
  readonly answer: Answer
  /** Where heads have a binary form as well. */
  readonly headCodec?: HeadCodec<Static<Head>>
  readonly answerCodec?: HeadCodec<Static<Answer>>
}

/** One entry of the catalogue: names, validates and types an operation for frames, REST and OpenAPI alike. */
export interface Operation<Head = unknown, Answer = unknown> {
  readonly name: string
  readonly code: number
  readonly server: ServerRole
  readonly summary: string
  readonly changes: boolean
  readonly bytes: ByteShape
  readonly internal: boolean
  readonly by: Asker
  /** Whether its head tells where it comes from; see Origin. */
  readonly hasOrigin: boolean
  readonly headSchema: TSchema
  readonly answerSchema: TSchema
  /** @throws GliderError INVALID_ARGUMENT naming the field */
  parseHead(value: unknown): Head
  /** @throws GliderError PROTOCOL_ERROR naming the field */
  parseAnswer(value: unknown): Answer

  // As it travels: in JSON, or in a binary form where the operation has one.

  encodeHead(head: Head, numbers?: Numbers): Buffer
  /** @throws GliderError INVALID_ARGUMENT naming the field */
  decodeHead(bytes: Buffer): Head
  /** @param binary whether the one who asked knows the binary form */
  encodeAnswer(answer: Answer, binary: boolean): Buffer
  /** @throws GliderError PROTOCOL_ERROR naming the field */
  decodeAnswer(bytes: Buffer): Answer
}

/** Numbers that let the metadata server recognise a repeat; they are part of the head of every changing operation. */
const sequenceFields = {
  /** Counts the changing operations of one client. */
  sequence: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Every answer up to this sequence number has arrived. */
  acknowledged: Type.Optional(Type.Integer({ minimum: 0 })),
}

export function defineOperation<Head extends TObject, Answer extends TSchema>(
  name: string,
  spec: OperationSpec<Head, Answer>,
): Operation<Static<Head>, Static<Answer>> {
  const headSchema = spec.changes
    ? Type.Object({ ...spec.head.properties, ...sequenceFields }, { additionalProperties: false })
    : Type.Object(spec.head.properties, { additionalProperties: false })
  const checkHead = checker(headSchema)
  const checkAnswer = checker(spec.answer)
  const { headCodec, answerCodec } = spec
  const parseHead = (value: unknown): Static<Head> => {
    const defect = checkHead(value)
    if (defect) throw new GliderError('INVALID_ARGUMENT', `${name}: ${defect}`)
    return value as Static<Head>
  }
  const parseAnswer = (value: unknown): Static<Answer> => {
    const defect = checkAnswer(value)
    if (defect) throw new GliderError('PROTOCOL_ERROR', `answer to ${name}: ${defect}`)
    return value as Static<Answer>
  }
  return {
    name,
    code: spec.code,
    server: spec.server,
    summary: spec.summary,
    changes: spec.changes ?? false,
    bytes: spec.bytes ?? 'none',
    internal: spec.internal ?? false,
    by: spec.by ?? 'tenant',
    hasOrigin: 'operation' in spec.head.properties,
    headSchema,
    answerSchema: spec.answer,
    parseHead,
    parseAnswer,
    encodeHead: (head, numbers) => headCodec?.encode(head, numbers) ?? encodeJson(head, numbers),
    decodeHead: bytes => (headCodec && isBinary(bytes) ? headCodec.decode(bytes) : parseHead(parseJson(bytes))),
    encodeAnswer: (answer, binary) => (binary && answerCodec?.encode(answer)) || encodeJson(answer),
    decodeAnswer: bytes => (answerCodec && isBinary(bytes) ? answerCodec.decode(bytes) : parseAnswer(parseJson(bytes))),
  }
}

/** The first thing wrong with a value, in words; compiled on first use, since a program needs few of the schemas. */
function checker(schema: TSchema): (value: unknown) => string | undefined {
  let compiled: ReturnType<typeof Compile> | undefined
  return value => {
    compiled ??= Compile(schema)
    if (compiled.Check(value)) return undefined
    const [first, second] = compiled.Errors(value)
    // An unknown field is reported twice, first as a schema that is false: the second row has its name in words.
    const error = first?.keyword === 'boolean' && second ? second : first
    if (!error) return 'does not fit its schema'
    if (error.keyword === 'additionalProperties') return `unknown field ${String(first?.instancePath).slice(1)}`
    const field = error.instancePath.slice(1).replaceAll('/', '.')
    if (error.keyword === 'enum') return `${field} must be one of ${listed(error.params, 'allowedValues')}`
    if (error.keyword === 'required')
      return `${field === '' ? '' : `${field}.`}${listed(error.params, 'requiredProperties')} is missing`
    const words = error.keyword === 'pattern' && described(schema, field)
    return words ? `${field} must be ${words}` : `${field || 'the value'} ${error.message}`
  }
}

/** What a schema says of one of its own fields. */
function described(schema: TSchema, field: string): string | undefined {
  const { properties } = schema as { readonly properties?: Readonly<Record<string, { readonly description?: string }>> }
  return properties?.[field]?.description
}

function listed(params: object, name: string): string {
  return (params as Readonly<Record<string, readonly unknown[]>>)[name]!.join(', ')
}
