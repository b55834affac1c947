/** The REST face: `POST /v1/<operation>` with the head as body and as answer, and its description at `/openapi.json`. */
import swagger from '@fastify/swagger'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { catalogue, type OperationName } from '../protocol/catalogue.ts'
import { errorTable, GliderError } from '../protocol/errors.ts'
import type { Meter } from '../protocol/meter.ts'
import type { Operation } from '../protocol/operation.ts'
import type { Access } from './access.ts'
import type { Operations } from './operations.ts'
import { type BytesRoute, bytesRoutes, decodeBytes } from './rest-bytes.ts'

/**
 * Left off, since they make sense only beside frames: claims end with the connection that took them, which REST has not, and
 * locations are good only for the operations of storage and active servers, which are in frames.
 */
const onlyInFrames: ReadonlySet<OperationName> = new Set([
  'openWrite',
  'extend',
  'replaceBlock',
  'commit',
  'release',
  'openRead',
  'locate',
  'locateParts',
  'openObject',
])

/** A bundle of 16 MiB in base64, and its name. */
const DEPLOY_BODY_BYTES = 23 << 20

const errorSchema = Type.Object({
  error: Type.Object({ code: Type.Enum(Object.keys(errorTable)), message: Type.String() }),
})

export interface RestOptions {
  /** Of the package, for the description. */
  readonly version: string
  /** Where what is asked for is counted. */
  readonly meter?: Meter | undefined
}

export async function registerRest(
  app: FastifyInstance,
  operations: Operations,
  access: Access,
  options: RestOptions,
): Promise<void> {
  await app.register(async scope => {
    // Heads are checked by the catalogue, so that their errors are ours; the schemas here are for the description.
    scope.setValidatorCompiler(() => () => true)
    // Its text would be taken for a value that is no object.
    scope.removeContentTypeParser('text/plain')
    scope.setSerializerCompiler(() => value => JSON.stringify(value))
    scope.setErrorHandler<FastifyError>((thrown, request, reply) => {
      const error = asGliderError(thrown)
      const code = codeOf(request)
      if (code !== undefined) options.meter?.failed(code, error.code)
      return sendError(reply, error)
    })
    scope.addHook('onResponse', async (request, reply) => {
      const code = codeOf(request)
      if (code !== undefined) options.meter?.took(code, reply.elapsedTime)
    })
    await scope.register(swagger, {
      openapi: {
        info: { title: 'glider', version: options.version, description: 'The REST face of the metadata server.' },
        components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      },
    })
    for (const name of Object.keys(catalogue) as OperationName[]) {
      const operation = catalogue[name] as Operation
      if (operation.server !== 'metadata' || operation.internal || onlyInFrames.has(name)) continue
      if (name === 'deploy') addDeploy(scope, { operations, access }, options.meter)
      else if (operation.bytes === 'none') addOperation(scope, { operations, access }, name, operation)
    }
    for (const route of bytesRoutes(operations, options.meter)) addBytes(scope, access, route)
    scope.get('/openapi.json', { schema: { hide: true } }, () => scope.swagger())
  })
  // Everywhere on this port, that is.
  app.setNotFoundHandler(({ method, url }, reply) => {
    const remedy = 'operations are POST /v1/…, see /openapi.json'
    return sendError(reply, new GliderError('NOT_FOUND', `there is no ${method} ${url}: ${remedy}`))
  })
}

/** The number of the operation that a route is for. */
function codeOf({ routeOptions }: FastifyRequest): number | undefined {
  const name = routeOptions.url?.replace('/v1/', '') ?? ''
  return Object.hasOwn(catalogue, name) ? catalogue[name as OperationName].code : undefined
}

interface Served {
  readonly operations: Operations
  readonly access: Access
}

function addOperation(scope: FastifyInstance, { operations, access }: Served, name: OperationName, operation: Operation): void {
  const routine = operations.routine(name)
  if (!routine) throw new GliderError('INTERNAL', `the operation ${name} has no routine`)
  scope.post(`/v1/${name}`, { schema: describe(operation, operation.headSchema) }, async request => {
    const caller = access.restCaller(operation, request.headers.authorization)
    return routine.run(operation.parseHead(request.body ?? {}), caller)
  })
}

function addDeploy(scope: FastifyInstance, { operations, access }: Served, meter: Meter | undefined): void {
  const operation = catalogue.deploy
  const bytes = Type.String({ description: 'the module, in base64', contentEncoding: 'base64' })
  const schema = describe(operation, Type.Object({ name: Type.String(), bytes }))
  scope.post('/v1/deploy', { schema, bodyLimit: DEPLOY_BODY_BYTES }, async request => {
    const caller = access.restCaller(operation, request.headers.authorization)
    const { bytes, rest } = decodeBytes('deploy', request.body)
    if (meter) meter.received[operation.code]! += bytes.length
    return operations.deploy(operation.parseHead(rest), oneChunk(bytes), caller)
  })
}

function addBytes(scope: FastifyInstance, access: Access, route: BytesRoute): void {
  const { operation, bodySchema, answerSchema } = route
  const schema = describe({ ...operation, answerSchema }, bodySchema)
  scope.post(`/v1/${operation.name}`, { schema }, request =>
    route.run(request.body, access.restCaller(operation, request.headers.authorization)),
  )
}

function describe(operation: Pick<Operation, 'name' | 'summary' | 'answerSchema'>, body: unknown): Record<string, unknown> {
  return {
    operationId: operation.name,
    summary: operation.summary,
    body,
    response: { 200: operation.answerSchema, default: errorSchema },
  }
}

/** By the codes of fastify. */
const remediesOfRefusals: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'send JSON, and say so with content-type: application/json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'send {}, or leave the content-type out',
  FST_ERR_CTP_INVALID_JSON_BODY: 'send one JSON object',
  FST_ERR_CTP_BODY_TOO_LARGE: 'send less at a time',
}

/** What fastify itself refuses is the asker's mistake. */
function asGliderError(error: FastifyError | GliderError): GliderError {
  if (error instanceof GliderError) return error
  const remedy = remediesOfRefusals[error.code]
  if (remedy !== undefined) return new GliderError('INVALID_ARGUMENT', `${error.message}: ${remedy}`, { cause: error })
  const refused = error.statusCode !== undefined && error.statusCode < 500
  return GliderError.from(error, refused ? 'INVALID_ARGUMENT' : 'INTERNAL')
}

function sendError(reply: FastifyReply, { status, code, message }: GliderError): FastifyReply {
  return reply.status(status).send({ error: { code, message } })
}

async function* oneChunk(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}
