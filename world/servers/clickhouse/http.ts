/** ClickHouse's HTTP interface: https://clickhouse.com/docs/interfaces/http */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createBrotliCompress, createDeflate, createGzip, createZstdCompress } from 'node:zlib'
import type { Engine, JobResult } from './engine.ts'
import { ClickHouseException, statusOfCode, toException } from './errors.ts'
import { contentTypeOf } from './format.ts'
import type { Guard } from './guard.ts'
import { readIncoming } from './incoming.ts'
import { type QueryRequest, readRequest } from './request.ts'

export interface HttpOptions {
  engine: Engine
  guard: Guard
  /** An existing folder for the data of INSERTs on their way. */
  inbox: string
  user?: string
  password?: string
}

interface Running {
  tag: string
  abort: AbortController
}

export function makeHttpServer(options: HttpOptions): Server {
  const running = new Map<string, Running>()
  const server = createServer((request, response) => {
    route(options, running, request, response).catch(error =>
      response.destroy(error instanceof Error ? error : undefined),
    )
  })
  server.requestTimeout = 0
  server.keepAliveTimeout = 30_000
  return server
}

async function route(
  options: HttpOptions,
  running: Map<string, Running>,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const path = (request.url ?? '/').split('?', 1)[0]
  response.setHeader('X-ClickHouse-Server-Display-Name', 'embedded')
  if (path === '/ping' || path === '/replicas_status') return sendText(response, 200, 'Ok.\n')
  if (path !== '/') return sendText(response, 404, `There is no handle ${path}\n\nUse / or /ping for health checks.\n`)
  if (request.method === 'HEAD' || request.method === 'OPTIONS') return sendText(response, 200, '')
  await answerQuery(options, running, request, response)
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=UTF-8' }).end(text)
}

async function answerQuery(
  options: HttpOptions,
  running: Map<string, Running>,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const tag = randomUUID()
  const abort = new AbortController()
  response.on('close', () => abort.abort())
  let query_id: string | undefined
  try {
    const query = await readRequest(request, randomUUID)
    response.setHeader('X-ClickHouse-Query-Id', query.query_id)
    authenticate(options, query)
    if (running.has(query.query_id)) throw sameId(query.query_id)
    query_id = query.query_id
    running.set(query_id, { tag, abort })
    await execute(options, query, { tag, abort }, request, response)
  } catch (error) {
    sendException(options.engine.version, request, response, error)
  } finally {
    if (query_id !== undefined) running.delete(query_id)
  }
}

async function execute(
  options: HttpOptions,
  query: QueryRequest,
  { tag, abort }: Running,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const incoming = await readIncoming(query, options.guard, () => join(options.inbox, randomUUID()))
  try {
    const { statement, sql } = incoming
    const result = await options.engine.run({
      sql,
      format: query.default_format,
      settings: query.settings,
      params: query.params,
      ...(query.database === undefined ? {} : { database: query.database }),
      tag,
      signal: abort.signal,
    })
    const format = statement.kind === 'insert' ? undefined : (statement.format ?? query.default_format)
    response.setHeader('X-ClickHouse-Timezone', options.engine.timezone)
    response.setHeader('X-ClickHouse-Summary', JSON.stringify(summaryOf(result, statement.kind === 'insert')))
    if (format !== undefined) {
      response.setHeader('X-ClickHouse-Format', format)
      response.setHeader('Content-Type', contentTypeOf(format))
    }
    await sendBytes(query, request, response, result.bytes)
  } finally {
    await incoming.release()
  }
}

function summaryOf(result: JobResult, is_insert: boolean): Record<string, string> {
  const rows = String(result.rows)
  const bytes = String(result.bytes_read)
  return {
    read_rows: rows,
    read_bytes: bytes,
    written_rows: is_insert ? rows : '0',
    written_bytes: is_insert ? bytes : '0',
    total_rows_to_read: '0',
    result_rows: is_insert ? '0' : rows,
    result_bytes: is_insert ? '0' : bytes,
    elapsed_ns: String(Math.round(result.elapsed_s * 1e9)),
  }
}

async function sendBytes(
  query: QueryRequest,
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
): Promise<void> {
  const coding = query.compress_response ? acceptedCoding(request) : undefined
  if (coding === undefined || bytes.length === 0) {
    response.setHeader('Content-Length', bytes.length)
    response.end(bytes)
    return
  }
  response.setHeader('Content-Encoding', coding)
  await pipeline(Readable.from([bytes]), compressorOf(coding), response)
}

const CODINGS = ['zstd', 'br', 'gzip', 'deflate'] as const
type Coding = (typeof CODINGS)[number]

function acceptedCoding(request: IncomingMessage): Coding | undefined {
  const accepted = String(request.headers['accept-encoding'] ?? '')
  return CODINGS.find(coding => new RegExp(`(^|[ ,])${coding}([ ,;]|$)`).test(accepted))
}

function compressorOf(coding: Coding) {
  if (coding === 'zstd') return createZstdCompress()
  if (coding === 'br') return createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })
  return coding === 'gzip' ? createGzip({ level: 3 }) : createDeflate({ level: 3 })
}

function authenticate(options: HttpOptions, query: QueryRequest): void {
  if (options.user === undefined) return
  if (query.user === options.user && query.password === (options.password ?? '')) return
  throw new ClickHouseException(
    516,
    'AUTHENTICATION_FAILED',
    `${query.user}: Authentication failed: password is incorrect, or there is no user with such name`,
  )
}

function sameId(query_id: string): ClickHouseException {
  return new ClickHouseException(
    216,
    'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING',
    `Query with id = ${query_id} is already running`,
  )
}

function sendException(version: string, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const { code, text } = toException(error)
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.removeHeader('Content-Encoding')
  response.writeHead(statusOfCode(code), {
    'Content-Type': 'text/plain; charset=UTF-8',
    'X-ClickHouse-Exception-Code': String(code),
    // What is left of the body is not read: the connection cannot be used again.
    ...(request.complete ? {} : { Connection: 'close' }),
  })
  response.end(`${text} (version ${version} (official build))\n`)
}
