import type { Duplex } from 'node:stream'
import websocket from '@fastify/websocket'
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { type ConnectionContext, ConnectionCore, type ConnectionOptions } from '../protocol/connection.ts'
import { splitAddress, WEBSOCKET_PATH } from '../protocol/dial.system.ts'
import { GliderError } from '../protocol/errors.ts'
import type { HandlerTable } from '../protocol/handlers.ts'
import { atLimit } from '../protocol/limits.ts'
import type { Operation } from '../protocol/operation.ts'
import type { Hello, Principal } from '../protocol/peer.ts'
import { trusted } from '../protocol/principal.ts'
import { socketTransport } from '../protocol/socket.system.ts'
import type { Transport } from '../protocol/transport.ts'
import { webSocketTransport } from '../protocol/websocket.system.ts'
import { counted, drained, drainingError, type Work } from './drain.ts'
import { boundBodies, httpTimes } from './http-limits.ts'
import { LoopLag } from './loop-lag.ts'
import { boundMessages, MAX_MESSAGE_BYTES } from './message-limits.ts'
import { gauge } from './metrics.ts'
import { registerOperations } from './operation-metrics.ts'
import { isLoopback, isUnspecified, refusalOfOrigin } from './origin.ts'
import { dispatchUpgrades } from './upgrade.ts'

export interface ChassisOptions {
  readonly role: Hello['role']
  /** Names this life of the process. */
  readonly id: string
  /** Address to bind. */
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** host:port that others reach this server by; by default what is bound. */
  readonly advertise?: string | undefined
  readonly context: ConnectionContext
  /** Of the cluster, which its servers prove to each other that they know. Without one there is nothing but loopback. */
  readonly secret?: string | undefined
  /** What the port speaks TLS with, in PEM. @default it is plain */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** Whom a connection speaks for, by its hello. @default clients: those of the one namespace; servers: by their word, without a secret */
  readonly admit?: ConnectionOptions['admit']
  readonly handlers: HandlerTable
  readonly metrics: Registry
  /** More of them, for those who may know, by the `Authorization` of the request. */
  readonly guardedMetrics?: { readonly registry: Registry; mayRead(authorization: string | undefined): boolean }
  readonly log: Logger
  /** Why the server is not ready for work yet; empty when it is. */
  readonly notReady: () => readonly string[]
  /** Adds routes of the server's own. */
  readonly routes?: (app: FastifyInstance) => Promise<void> | void
}

/** What every server stands on: one port with HTTP, frames by upgrade and frames by WebSocket; health, metrics and an orderly stop. */
export class Chassis {
  readonly #options: ChassisOptions
  readonly #app: FastifyInstance
  readonly #connections = new Set<ConnectionCore>()
  readonly #lag: LoopLag
  #address = ''
  #draining = false
  #stopping: Promise<void> | undefined

  private constructor(options: ChassisOptions) {
    this.#options = options
    this.#lag = new LoopLag(options.context.clock)
    const { tls } = options
    const { http, ...times } = httpTimes
    this.#app = fastify({
      forceCloseConnections: true,
      ...times,
      ...(tls ? { https: { ...http, cert: tls.cert, key: tls.key } } : { http }),
    } as FastifyServerOptions)
  }

  /** @throws GliderError INVALID_ARGUMENT where host and port cannot be bound */
  static async start(options: ChassisOptions): Promise<Chassis> {
    checkReach(options)
    const chassis = new Chassis(options)
    await chassis.#listen()
    return chassis
  }

  /** host:port that others reach this server by. */
  get address(): string {
    return this.#address
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  async #listen(): Promise<void> {
    const app = this.#app
    const { host, port, advertise, routes, metrics, notReady, role } = this.#options
    const { context } = this.#options
    // Those that have left HTTP behind are no longer counted there, but for WebSockets.
    app.server.maxConnections = 2 * context.limits.connections
    app.addHook('onRequest', async ({ headers }, reply) => {
      const refusal = this.#refusalOfPage(headers.origin)
      if (!refusal) return
      const { status, code, message } = refusal
      await reply.code(status).send({ error: { code, message } })
    })
    boundBodies(app, context)
    this.#registerMetrics()
    const webSockets = dispatchUpgrades(
      app.server,
      ({ headers }) => this.#refusalOfPage(headers.origin) ?? this.#refusal(),
      (socket, early) => this.#acceptSocket(socket, early),
    )
    await app.register(websocket, {
      options: { server: webSockets as never, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false },
    })
    app.get(WEBSOCKET_PATH, { websocket: true }, (socket, request) => {
      const transport = webSocketTransport(socket, `${request.socket.remoteAddress}:${request.socket.remotePort}`)
      const connection = this.#accept(transport)
      if (connection) boundMessages(socket, request.socket, connection, context)
    })
    app.get('/healthz', () => ({ status: 'ok', role }))
    app.get('/readyz', async (_request, reply) => {
      const reasons = [...(this.#draining ? ['draining'] : []), ...notReady()]
      await reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons })
    })
    app.get('/metrics', async (request, reply) => {
      const { guardedMetrics: guarded } = this.#options
      const more = guarded?.mayRead(request.headers.authorization) ? [guarded.registry] : []
      const texts = await Promise.all([metrics, ...more].map(registry => registry.metrics()))
      await reply.type(metrics.contentType).send(texts.join(''))
    })
    await routes?.(app)
    try {
      await app.listen({ host, port })
    } catch (cause) {
      this.#lag.stop()
      await app.close()
      throw cannotListen(host, port, cause as NodeJS.ErrnoException)
    }
    const bound = app.server.address()
    const boundPort = typeof bound === 'object' && bound ? bound.port : port
    this.#address = advertise ?? `${host.includes(':') ? `[${host}]` : host}:${boundPort}`
  }

  #registerMetrics(): void {
    const { metrics, context } = this.#options
    gauge(metrics, 'glider_connections', 'Connections with frames.', () => this.#connections.size)
    gauge(metrics, 'glider_streams', 'Streams that are open.', () => {
      let streams = 0
      for (const { streams: open } of this.#connections) streams += open.size
      return streams
    })
    const promised = 'Bytes that are buffered for, or promised to, all connections.'
    gauge(metrics, 'glider_buffered_bytes', promised, () => context.budget.used)
    gauge(metrics, 'glider_draining', 'Whether the server takes nothing new and is about to end.', () => Number(this.#draining))
    if (context.meter) registerOperations(metrics, context.meter)
    this.#lag.register(metrics)
  }

  #refusalOfPage(origin: string | undefined): GliderError | undefined {
    return this.#options.secret === undefined ? refusalOfOrigin(origin) : undefined
  }

  #refusal(): GliderError | undefined {
    const { limits } = this.#options.context
    return this.#connections.size < limits.connections ? undefined : atLimit('connections', limits)
  }

  #acceptSocket(socket: Duplex, early: Buffer): void {
    this.#accept(socketTransport(socket, early))
  }

  /** Undefined where nothing more is accepted. */
  #accept(transport: Transport): ConnectionCore | undefined {
    if (this.#stopping) {
      transport.close()
      return undefined
    }
    const { context, handlers, id, role, log, secret, admit } = this.#options
    const connection = new ConnectionCore(context, {
      transport,
      side: 'accepted',
      hello: { role, clientId: id },
      handlers,
      admit: (hello, to) => {
        refuseMetadata(hello)
        return admit ? admit(hello, to) : admitted(hello, secret !== undefined)
      },
    })
    this.#connections.add(connection)
    connection.onClose(reason => {
      this.#connections.delete(connection)
      log.debug({ remote: connection.remote, reason: reason.message }, 'connection closed')
    })
    connection.start().catch((error: GliderError) => log.warn({ remote: transport.remote, code: error.code }, error.message))
    return connection
  }

  /** What is refused while the server is draining. */
  drainingError(): GliderError {
    return drainingError(this.#options.role, this.#address)
  }

  /**
   * Has nothing new begun, and resolves once what runs has finished, or after so long: what clients have asked for and fetch, and
   * what `work` tells of besides.
   * @param except streams that nobody waits for
   */
  async drain(timeMs: number, work: Work, except?: Operation): Promise<void> {
    const { context, log } = this.#options
    this.#draining = true
    log.info({ timeMs }, 'draining')
    const running = (): string | undefined => {
      let underWay = 0
      for (const connection of this.#connections) underWay += connection.underWay(except)
      return counted({ 'streams and requests': underWay, 'bytes to be fetched': context.backlog.bytes }) ?? work.running()
    }
    const left = await drained(context.clock, timeMs, { refuse: () => work.refuse(), running })
    if (left === undefined) log.info({}, 'drained')
    else log.warn({ running: left }, 'the time to drain is over: what still runs is cut off')
  }

  /** Takes nothing new, closes every connection and gives the port back. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#lag.stop()
    const reason = new GliderError('UNAVAILABLE', `the ${this.#options.role} server at ${this.#address} is stopping`, {
      outcome: 'unknown',
    })
    for (const connection of [...this.#connections]) {
      connection.goAway()
      connection.close(reason)
    }
    await this.#app.close()
  }
}

/** The namespace that there is without any having been created. */
const NAMESPACE = 'default'

/** Servers dial their metadata server, which dials nobody: its word counts only on a connection to it. */
function refuseMetadata({ role }: Hello): void {
  if (role === 'metadata') throw new GliderError('FORBIDDEN', 'a metadata server is dialled, it does not dial')
}

/** What clients may do on a storage or active server is said by the locations that they bring. */
function admitted(hello: Hello, isGuarded: boolean): Principal | undefined {
  const { role, namespace = NAMESPACE } = hello
  if (isGuarded) return role === 'client' ? { kind: 'tenant' } : undefined
  if (namespace === NAMESPACE) return trusted(hello)
  throw new GliderError('FORBIDDEN', `there is no namespace ${JSON.stringify(namespace)} for you here: use ${NAMESPACE}`)
}

/**
 * @throws GliderError INVALID_ARGUMENT where other machines would reach a server that takes everybody at their word, or be told an
 *   address that none of them reaches it by
 */
function checkReach({ host, secret, role, advertise }: ChassisOptions): void {
  if (secret === undefined && !isLoopback(host)) {
    throw new GliderError(
      'INVALID_ARGUMENT',
      `the ${role} server would be reached at ${host} from other machines, and has no secret to tell friend from stranger: ` +
        'give all servers of the cluster the same --cluster-secret-file (or GLIDER_CLUSTER_SECRET), or listen on 127.0.0.1',
    )
  }
  // Nobody is told the address of the metadata server but by the operator.
  const told = advertise === undefined ? host : splitAddress(advertise).host
  if (role === 'metadata' || !isUnspecified(told)) return
  throw new GliderError(
    'INVALID_ARGUMENT',
    `the ${role} server would tell everybody to reach it at ${told}, which means every address of a machine and is none: ` +
      'give it the host:port that clients and servers reach it by with --advertise',
  )
}

/** Addresses of other machines, and names that mean none. */
const NOT_HERE = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EAFNOSUPPORT'])

function cannotListen(host: string, port: number, cause: NodeJS.ErrnoException): GliderError {
  const remedy = NOT_HERE.has(cause.code ?? '')
    ? 'name an address of this machine with --host, and what others reach it by with --advertise'
    : 'choose another with --port'
  return new GliderError('INVALID_ARGUMENT', `cannot listen on ${host}:${port} (${cause.message}): ${remedy}`, { cause })
}
