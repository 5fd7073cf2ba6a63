import { randomUUIDv7 } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyTypeProvider,
  fastify,
  LogController,
  type RawServerDefault,
} from 'fastify'
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { IsSchema, type Static, type TObject, type TSchema } from 'typebox'
import type { Caller, Scope } from '../contract.ts'
import { type Authenticate, openKeys } from './keys.ts'
import { type Log, openLog } from './log.ts'
import { HttpProblem } from './problem.ts'
import { fromText, shapeOf } from './shape.ts'

/**
 * The HTTP door of every service: keys and scopes, one correlation id, strict bodies, `Problem` for every error,
 * /healthz, /readyz, /metrics.
 */

/** TypeBox schemas type the request: a route's `schema: {body, querystring, params}` is what its handler gets. */
interface Shapes extends FastifyTypeProvider {
  validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown
  serializer: this['schema'] extends TSchema ? Static<this['schema']> : unknown
}

export type App = FastifyInstance<RawServerDefault, IncomingMessage, FastifyReply['raw'], FastifyBaseLogger, Shapes>

declare module 'fastify' {
  interface FastifyRequest {
    /** taken from x-correlation-id or made; in every log line, event and answer of this request */
    correlation_id: string
    /** who asks; only behind `requireScope` */
    caller: Caller
    authenticated: Caller | null
  }
}

export interface HttpOptions {
  service: string
  host: string
  /** 0: any free port; `listen` tells which */
  port: number
  /** JSON list as in WAGGLE_KEYS; absent: the development key, on loopback only */
  keys?: string | undefined
  log_level: string
  /** name → resolves when the dependency works, rejects with why not. /readyz asks all of them. */
  checks: Record<string, () => Promise<void>>
  body_bytes_max?: number
}

export interface Http {
  app: App
  metrics: Registry
  log: Log
  authenticate: Authenticate
  /** @returns a preHandler: 401 without a known key, 403 without one of the scopes; afterwards `request.caller` is set */
  requireScope(...any_of: Scope[]): (request: FastifyRequest) => Promise<void>
  /** @returns the address, such as http://127.0.0.1:4101 */
  listen(): Promise<string>
  close(): Promise<void>
}

const BODY_BYTES_MAX = 1_048_576
const DRAIN_BYTES_MAX = 67_108_864
const CHECK_TIMEOUT_MS = 2_000
/** for answers that are under way when the service stops */
const CLOSE_GRACE_MS = 3_000
const CORRELATION_ID = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/
/** Asked every second by whatever watches the service: not worth a line each. */
const WATCHED = new Set(['/healthz', '/readyz', '/metrics'])

/** @throws Error when no keys are configured although `host` can be reached from elsewhere */
export async function openHttp(options: HttpOptions): Promise<Http> {
  const log = openLog(options.service, options.log_level)
  const authenticate = openKeys(options.keys, options.host)
  const metrics = new Registry()
  metrics.setDefaultLabels({ service: options.service })
  collectDefaultMetrics({ register: metrics })
  const app = openApp(options, log)
  followRequests(app, metrics)
  answerErrors(app)
  addWatchedRoutes(app, metrics, options.checks)
  return {
    app,
    metrics,
    log,
    authenticate,
    requireScope:
      (...any_of) =>
      request =>
        checkScope(authenticate, request, any_of),
    listen: () => app.listen({ host: options.host, port: options.port }),
    close: () => closeWithin(app, CLOSE_GRACE_MS),
  }
}

/** A connection on which nothing was ever asked counts as busy for Node, and so does a reader who never ends: neither may hold up a stop. */
async function closeWithin(app: App, grace_ms: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), grace_ms)
  try {
    await app.close()
  } finally {
    clearTimeout(timer)
  }
}

function openApp(options: HttpOptions, log: Log): App {
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'correlation_id' }),
    requestIdHeader: false,
    genReqId: correlationOf,
    bodyLimit: options.body_bytes_max ?? BODY_BYTES_MAX,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    frameworkErrors: answerError,
  }).withTypeProvider<Shapes>()
  app.setValidatorCompiler(({ schema, httpPart }) => validator(schema, httpPart))
  return app as unknown as App
}

function correlationOf(request: { headers: IncomingMessage['headers'] }): string {
  const given = request.headers['x-correlation-id']
  return typeof given === 'string' && CORRELATION_ID.test(given) ? given : randomUUIDv7()
}

/** Bodies are taken as they are; only text (query string, path, headers) is turned into numbers and booleans. */
function validator(
  schema: unknown,
  part: string | undefined,
): (value: unknown) => { value: unknown } | { error: Error } {
  if (!IsSchema(schema)) throw new Error('route schemas are TypeBox schemas')
  const shape = shapeOf(part === 'headers' ? { ...schema, additionalProperties: true } : schema)
  return given => {
    const value = part === 'body' ? given : fromText(schema as TObject, (given ?? {}) as Record<string, unknown>)
    if (shape.fits(value)) return { value }
    const { pointer, detail, unknown_field } = shape.fault(value)
    const where = part === 'body' ? '' : `${part}: `
    const error = new HttpProblem(400, unknown_field ? 'unknown_field' : 'wrong_shape', `${where}${detail}`, {
      pointer,
    })
    return { error }
  }
}

/** The correlation id out again, one log line for each write and each error, and the duration of everything. */
function followRequests(app: App, metrics: Registry): void {
  const duration = new Histogram({
    name: 'waggle_http_duration_seconds',
    help: 'from the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [metrics],
  })
  app.decorateRequest('authenticated', null)
  app.decorateRequest('correlation_id', { getter: idOf })
  app.decorateRequest('caller', { getter: callerOf })
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-correlation-id', request.id)
  })
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown'
    const status = reply.statusCode
    duration.observe({ method: request.method, route, status }, reply.elapsedTime / 1_000)
    if (!WATCHED.has(route) && (status >= 400 || !isRead(request.method))) {
      const actor = request.authenticated?.actor
      const line = {
        method: request.method,
        route,
        status,
        duration_ms: Math.round(reply.elapsedTime * 10) / 10,
        actor,
      }
      request.log.info(line, 'answered')
    }
  })
}

function idOf(this: FastifyRequest): string {
  return this.id
}

function callerOf(this: FastifyRequest): Caller {
  if (!this.authenticated) throw new Error('request.caller is read on a route without requireScope')
  return this.authenticated
}

const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD' || method === 'OPTIONS'

async function checkScope(authenticate: Authenticate, request: FastifyRequest, any_of: Scope[]): Promise<void> {
  const { authorization, 'x-waggle-actor': actor } = request.headers
  const caller = authenticate({ authorization, actor: Array.isArray(actor) ? actor[0] : actor })
  if (!any_of.some(scope => caller.scopes.includes(scope))) {
    const detail = `the key lacks the scope ${any_of.join(' or ')}: see scopes in WAGGLE_KEYS`
    throw new HttpProblem(403, 'scope_missing', detail)
  }
  request.authenticated = caller
}

function answerErrors(app: App): void {
  app.setErrorHandler((error: Refused, request, reply) => answerError(error, request, reply))
  app.setNotFoundHandler((request, reply) =>
    answerError(
      new HttpProblem(404, 'no_such_route', `there is no ${request.method} ${pathOf(request)}`),
      request,
      reply,
    ),
  )
}

type Refused = Error & { code?: string; statusCode?: number }

const pathOf = (request: FastifyRequest): string => request.url.split('?')[0]?.slice(0, 200) ?? ''

function answerError(error: Refused, request: FastifyRequest, reply: FastifyReply): void {
  const problem = asProblem(error)
  if (problem.statusCode === 500) request.log.error({ err: error }, 'a request failed')
  if (problem.retry_after_s !== undefined) reply.header('retry-after', problem.retry_after_s)
  if (problem.statusCode === 413) drain(request, reply)
  reply
    .code(problem.statusCode)
    .type('application/json')
    .send(JSON.stringify(problem.body(request.id)))
}

/**
 * Whoever sends too much is still sending. A connection that is closed meanwhile makes most clients tell of a broken pipe
 * and not of the answer, so the rest is read and dropped, up to a limit.
 */
function drain(request: FastifyRequest, reply: FastifyReply): void {
  reply.removeHeader('connection')
  let bytes = 0
  request.raw.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > DRAIN_BYTES_MAX) request.raw.destroy()
  })
}

/** What Fastify itself refuses, in our words. */
const REFUSED: Record<string, [status: number, reason: string, detail: string]> = {
  FST_ERR_CTP_INVALID_JSON_BODY: [400, 'not_json', 'the body is not JSON'],
  FST_ERR_CTP_EMPTY_JSON_BODY: [400, 'not_json', 'the body is empty'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'wrong_length', 'the body is not as long as content-length says'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'wrong_media_type', 'this route does not take this content-type'],
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'too_large', 'the body is larger than this route takes: send it in parts'],
  FST_ERR_BAD_URL: [400, 'bad_url', 'the address is not valid'],
}

function asProblem(error: Refused): HttpProblem {
  if (error instanceof HttpProblem) return error
  const refused = REFUSED[error.code ?? '']
  if (refused) return new HttpProblem(...refused)
  if (error instanceof SyntaxError && error.statusCode === 400)
    return new HttpProblem(400, 'not_json', 'the body is not JSON')
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new HttpProblem(error.statusCode, 'refused', error.message)
  }
  return new HttpProblem(500, 'internal', 'the service failed; its log tells more under this correlation id')
}

function addWatchedRoutes(app: App, metrics: Registry, checks: HttpOptions['checks']): void {
  app.get('/healthz', async () => ({ alive: true }))
  app.get('/readyz', async (_request, reply) => {
    const results = await Promise.all(Object.entries(checks).map(([name, check]) => runCheck(name, check)))
    const failed = results.filter(result => !result.ok)
    if (failed.length > 0) reply.code(503)
    return {
      ready: failed.length === 0,
      ...(failed.length > 0 && {
        reason: 'not_ready',
        detail: failed.map(one => `${one.name}: ${one.error}`).join('; '),
      }),
      checks: results,
    }
  })
  app.get('/metrics', async (_request, reply) => {
    reply.type(metrics.contentType)
    return metrics.metrics()
  })
}

interface CheckResult {
  name: string
  ok: boolean
  error?: string
}

async function runCheck(name: string, check: () => Promise<void>): Promise<CheckResult> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS)
  try {
    await Promise.race([check(), late.promise])
    return { name, ok: true }
  } catch (error) {
    return { name, ok: false, error: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(timer)
  }
}
