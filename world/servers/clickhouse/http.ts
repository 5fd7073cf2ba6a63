/** ClickHouse's HTTP interface: https://clickhouse.com/docs/interfaces/http */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Engine, Job } from './engine.ts'
import { ClickHouseException } from './errors.ts'
import { contentTypeOf, isStreamable } from './format.ts'
import type { Guard } from './guard.ts'
import { readIncoming } from './incoming.ts'
import { killedId, killReport } from './kill.ts'
import { type QueryRequest, readRequest } from './request.ts'
import { type Answer, sendException, sendResult } from './respond.ts'
import type { Statement } from './statement.ts'

export interface HttpOptions {
  engine: Engine
  guard: Guard
  /** An existing folder for the data of INSERTs on their way. */
  inbox: string
  /** With a user, only this one and this password are let in. */
  user?: string
  password?: string
}

/** What runs now, by the query id its caller knows it by. */
type Running = Map<string, RunningQuery>

interface RunningQuery {
  abort: AbortController
  /** Only reads. What writes goes on when its caller hangs up, as in ClickHouse. */
  reads: boolean
}

export interface HttpInterface {
  server: Server
  /** Stops queries. Their callers are told. */
  abort(which: 'reads' | 'all'): void
}

/** A result that cannot be streamed is held in memory; above this the engine answers TOO_MANY_ROWS_OR_BYTES. */
const WHOLE_RESULT_BYTES_MAX = 256 * 1024 * 1024
const KEEP_ALIVE_MS = 30_000
/** For a request to arrive whole. */
const REQUEST_MS_MAX = 3_600_000
const CONNECTIONS_MAX = 512
/** Parameters come in the URL. ClickHouse's own limit is `http_max_uri_size`, 1 MiB. */
const URL_BYTES_MAX = 2 * 1024 * 1024

export function makeHttpInterface(options: HttpOptions): HttpInterface {
  const running: Running = new Map()
  const server = createServer({ maxHeaderSize: URL_BYTES_MAX }, (request, response) => {
    route(options, running, request, response).catch(() => response.destroy())
  })
  server.requestTimeout = REQUEST_MS_MAX
  server.maxConnections = CONNECTIONS_MAX
  server.keepAliveTimeout = KEEP_ALIVE_MS
  return {
    server,
    abort(which) {
      for (const { abort, reads } of running.values()) if (reads || which === 'all') abort.abort()
    },
  }
}

async function route(options: HttpOptions, running: Running, request: IncomingMessage, response: ServerResponse) {
  const path = (request.url ?? '/').split('?', 1)[0]
  response.setHeader('X-ClickHouse-Server-Display-Name', 'embedded')
  if (path === '/ping' || path === '/replicas_status') return sendText(response, 200, 'Ok.\n')
  if (path !== '/') return sendText(response, 404, `There is no handle ${path}\n\nUse / or /ping for health checks.\n`)
  if (request.method !== 'GET' && request.method !== 'POST') return sendText(response, 501, 'Use GET or POST.\n')
  await answerQuery(options, running, { request, response, version: options.engine.version })
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=UTF-8' }).end(text)
}

async function answerQuery(options: HttpOptions, running: Running, answer: Answer): Promise<void> {
  const entry: RunningQuery = { abort: new AbortController(), reads: false }
  // A write to a connection that is gone is reported to whoever awaits it.
  answer.response.on('error', () => undefined)
  let registered: string | undefined
  try {
    const query = await readRequest(answer.request, randomUUID)
    answer.response.setHeader('X-ClickHouse-Query-Id', query.query_id)
    authenticate(options, query)
    if (running.has(query.query_id)) throw sameId(query.query_id)
    registered = query.query_id
    running.set(registered, entry)
    await execute(options, running, query, entry, answer)
  } catch (error) {
    await sendException(answer, error)
  } finally {
    if (registered !== undefined) running.delete(registered)
  }
}

async function execute(
  options: HttpOptions,
  running: Running,
  query: QueryRequest,
  entry: RunningQuery,
  answer: Answer,
): Promise<void> {
  const { engine } = options
  const incoming = await readIncoming(query, options.guard, () => join(options.inbox, randomUUID()))
  try {
    const { statement } = incoming
    entry.reads = statement.kind === 'select'
    answer.response.on('close', () => entry.reads && entry.abort.abort())
    if (entry.reads && answer.response.destroyed) return
    const sql = replaceKill(statement, running) ?? incoming.sql
    await engine.run(jobOf(query, statement, sql, entry.abort.signal), async parts => {
      setHeaders(answer.response, engine, statement, query)
      await sendResult(answer, parts, statement.kind === 'insert' ? 'insert' : 'rows', query.compress_response)
    })
  } finally {
    await incoming.release()
  }
}

/** People kill by the id they gave; the engine has ids of its own. So that one shape of KILL is done here. */
function replaceKill(statement: Statement, running: Running): string | undefined {
  const id = killedId(statement.tokens)
  if (id === undefined) return undefined
  const found = running.get(id)
  found?.abort.abort()
  return killReport(id, found !== undefined, statement.kind === 'insert' ? undefined : statement.format)
}

function jobOf(query: QueryRequest, statement: Statement, sql: string, signal: AbortSignal): Job {
  const { database, session_id, params, default_format } = query
  const mode = statement.kind === 'select' && !query.wait_end_of_query && streams(query, statement) ? 'stream' : 'whole'
  const settings = new Map(query.settings)
  const held = statement.kind === 'select' && mode === 'whole'
  if (held && !settings.has('max_result_bytes')) settings.set('max_result_bytes', String(WHOLE_RESULT_BYTES_MAX))
  return {
    sql,
    format: default_format,
    mode,
    ...(database === undefined ? {} : { database }),
    ...(session_id === undefined ? {} : { session_id }),
    settings,
    params,
    tag: randomUUID(),
    signal,
  }
}

function streams(query: QueryRequest, statement: Statement): boolean {
  const joins_rows = 'output_format_json_array_of_rows'
  if (query.settings.has(joins_rows) || statement.tokens.some(token => token.text === joins_rows)) return false
  return statement.kind === 'select' && isStreamable(statement.format ?? query.default_format)
}

function setHeaders(response: ServerResponse, engine: Engine, statement: Statement, query: QueryRequest): void {
  response.setHeader('X-ClickHouse-Timezone', engine.timezone)
  if (statement.kind === 'insert') return
  const format = statement.format ?? query.default_format
  response.setHeader('X-ClickHouse-Format', format)
  response.setHeader('Content-Type', contentTypeOf(format))
}

function authenticate(options: HttpOptions, query: QueryRequest): void {
  if (options.user === undefined) return
  if (query.user === options.user && query.password === (options.password ?? '')) return
  throw new ClickHouseException(
    516,
    'AUTHENTICATION_FAILED',
    `${query.user}: Authentication failed: password is incorrect, or there is no user with such name.`,
  )
}

function sameId(query_id: string): ClickHouseException {
  return new ClickHouseException(
    216,
    'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING',
    `Query with id = ${query_id} is already running.`,
  )
}
