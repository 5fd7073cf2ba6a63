/** A request of ClickHouse's HTTP interface, taken apart: URL parameters, headers and (for forms) the body's parts. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { ClickHouseException } from './errors.ts'
import { guardSetting } from './guard.ts'

export interface QueryRequest {
  query_id: string
  /** SQL text of the URL (or of the form); the body follows it. */
  sql: string
  body: Readable
  default_format: string
  database?: string
  session_id?: string
  user: string
  password: string
  settings: Map<string, string>
  params: Map<string, string>
  compress_response: boolean
  /** The caller wants a true status and summary rather than the first rows early. */
  wait_end_of_query: boolean
}

/** URL parameters that belong to the interface and are no settings of the engine. */
const INTERFACE_ONLY = new Set(
  `query database default_format user password quota_key query_id session_id session_timeout session_check role
   enable_http_compression http_zlib_compression_level wait_end_of_query buffer_size compress decompress stacktrace close_session
   send_progress_in_http_headers http_headers_progress_interval_ms http_response_buffer_size cancel_http_readonly_queries_on_client_close
   add_http_cors_header http_wait_end_of_query http_native_compression_disable_checksumming_on_decompress
   http_write_exception_in_output_format http_response_headers client_protocol_version`.split(/\s+/),
)
const FORM_BYTES_MAX = 64 * 1024 * 1024

export async function readRequest(request: IncomingMessage, new_query_id: () => string): Promise<QueryRequest> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const body = decoded(request)
  const fields = new Map(url.searchParams)
  const is_form = /^multipart\/form-data/i.test(request.headers['content-type'] ?? '')
  if (is_form)
    for (const [name, value] of await readForm(body, request.headers['content-type'] ?? '')) fields.set(name, value)
  const credentials = readCredentials(request, fields)
  const database = header(request, 'x-clickhouse-database') ?? fields.get('database')
  const session_id = fields.get('session_id')
  return {
    query_id: fields.get('query_id') || new_query_id(),
    sql: fields.get('query') ?? '',
    body: is_form ? Readable.from([]) : body,
    default_format: header(request, 'x-clickhouse-format') ?? fields.get('default_format') ?? 'TabSeparated',
    ...(database ? { database } : {}),
    ...(session_id ? { session_id } : {}),
    ...credentials,
    ...readSettings(fields, request.method === 'GET'),
    compress_response: isOn(fields.get('enable_http_compression')),
    wait_end_of_query: isOn(fields.get('wait_end_of_query')),
  }
}

function isOn(value: string | undefined): boolean {
  return value === '1' || value === 'true'
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function readCredentials(
  request: IncomingMessage,
  fields: ReadonlyMap<string, string>,
): { user: string; password: string } {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(basic ?? '', 'base64').toString('utf8')) ?? []
  return {
    user: user || header(request, 'x-clickhouse-user') || fields.get('user') || 'default',
    password: password ?? header(request, 'x-clickhouse-key') ?? fields.get('password') ?? '',
  }
}

function readSettings(fields: ReadonlyMap<string, string>, is_get: boolean): Pick<QueryRequest, 'settings' | 'params'> {
  const settings = new Map<string, string>()
  const params = new Map<string, string>()
  for (const [name, value] of fields) {
    if (name.startsWith('param_')) params.set(checkedName(name.slice('param_'.length), 'parameter'), value)
    else if (!INTERFACE_ONLY.has(name)) settings.set(checkedName(name, 'setting'), value)
  }
  for (const name of settings.keys()) guardSetting(name)
  // As ClickHouse: a GET may not change anything. In a session it would stay so, and cannot be taken back.
  if (is_get && !fields.has('session_id') && !settings.has('readonly')) settings.set('readonly', '2')
  return { settings, params }
}

function checkedName(name: string, what: string): string {
  if (/^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$/.test(name)) return name
  throw new ClickHouseException(115, 'UNKNOWN_SETTING', `Unknown ${what} '${name}'`)
}

function decoded(request: IncomingMessage): Readable {
  const encoding = request.headers['content-encoding']?.toLowerCase() ?? 'identity'
  if (encoding === 'identity' || encoding === '') return request
  const decoder = decoderOf(encoding)
  // Heard by whoever reads the body; nobody does once the request is refused.
  decoder.on('error', () => undefined)
  request.on('error', error => decoder.destroy(error))
  request.on('aborted', () =>
    decoder.destroy(new Error('The client closed the connection in the middle of its request')),
  )
  return request.pipe(decoder)
}

function decoderOf(encoding: string) {
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip()
  if (encoding === 'deflate') return createInflate()
  if (encoding === 'br') return createBrotliDecompress()
  if (encoding === 'zstd') return createZstdDecompress()
  throw new ClickHouseException(
    48,
    'NOT_IMPLEMENTED',
    `Unknown Content-Encoding '${encoding}': use gzip, deflate, br or zstd`,
  )
}

/** Form fields as @clickhouse/client sends long parameters: `query` and `param_*`. The platform's own parser reads them. */
async function readForm(body: Readable, content_type: string): Promise<Map<string, string>> {
  const bytes = await readAll(body, FORM_BYTES_MAX)
  const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': content_type } }).formData()
  const fields = new Map<string, string>()
  for (const [name, value] of form) {
    if (typeof value === 'string') fields.set(name, value)
    else
      throw new ClickHouseException(
        48,
        'NOT_IMPLEMENTED',
        `External data ('${name}') is not supported by the embedded server`,
      )
  }
  return fields
}

export async function readAll(body: Readable, bytes_max: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of body as AsyncIterable<Buffer>) {
    size += part.length
    if (size > bytes_max)
      throw new ClickHouseException(229, 'QUERY_IS_TOO_LARGE', `Request body is over ${bytes_max} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}
