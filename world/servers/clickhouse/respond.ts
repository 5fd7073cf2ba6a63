/** Answers of the HTTP interface: a result in one piece or as a stream, an exception before the first byte or in the middle. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createBrotliCompress, createDeflate, createGzip, createZstdCompress } from 'node:zlib'
import { statusOfCode, toException } from './errors.ts'
import type { RunSummary } from './protocol.ts'
import type { Parts } from './threads.ts'

export interface Answer {
  request: IncomingMessage
  response: ServerResponse
  /** As ClickHouse says it, for exceptions. */
  version: string
}

const DRAIN_BYTES_MAX = 64 * 1024 * 1024
const CUT_AFTER_MS = 1000
const STALLED_MS_MAX = 120_000

/** Sends what `parts` yields. A result of one part carries its length and a true summary; a longer one is streamed as it comes. */
export async function sendResult(
  answer: Answer,
  parts: Parts,
  kind: 'rows' | 'insert',
  compress: boolean,
): Promise<void> {
  const first = await parts.next()
  const second = first.done === true ? first : await parts.next()
  const coding = compress ? acceptedCoding(answer.request) : undefined
  if (first.done === true || second.done === true) {
    const summary = second.done === true ? second.value : { rows: 0, bytes: 0, elapsed_s: 0 }
    answer.response.setHeader('X-ClickHouse-Summary', JSON.stringify(summaryOf(summary, kind)))
    return await sendWhole(answer, first.done === true ? new Uint8Array() : first.value, coding)
  }
  await sendStream(answer, [first.value, second.value], parts, coding)
}

function summaryOf({ rows, bytes, elapsed_s }: RunSummary, kind: 'rows' | 'insert'): Record<string, string> {
  const written = kind === 'insert'
  return {
    read_rows: String(rows),
    read_bytes: String(bytes),
    written_rows: String(written ? rows : 0),
    written_bytes: String(written ? bytes : 0),
    total_rows_to_read: '0',
    result_rows: String(rows),
    result_bytes: String(bytes),
    elapsed_ns: String(Math.round(elapsed_s * 1e9)),
  }
}

async function sendWhole({ response }: Answer, bytes: Uint8Array, coding: Coding | undefined): Promise<void> {
  if (coding === undefined || bytes.length === 0) {
    response.setHeader('Content-Length', bytes.length)
    response.end(bytes)
    return
  }
  response.setHeader('Content-Encoding', coding)
  await pipeline(Readable.from([bytes]), compressorOf(coding), response)
}

async function sendStream(answer: Answer, head: Uint8Array[], parts: Parts, coding: Coding | undefined): Promise<void> {
  const { response, version } = answer
  const tag = randomBytes(8).toString('hex')
  let failed = false
  async function* body() {
    yield* head
    try {
      yield* parts
    } catch (error) {
      failed = true
      yield trailerOf(`${toException(error).text} (version ${version} (official build))`, tag)
    }
  }
  // Whoever stops reading would hold the query's place for ever.
  response.setTimeout(STALLED_MS_MAX, () => response.writableNeedDrain && response.destroy())
  response.setHeader('X-ClickHouse-Exception-Tag', tag)
  if (coding !== undefined) response.setHeader('Content-Encoding', coding)
  const source = Readable.from(body(), { objectMode: false, highWaterMark: 1 })
  await (coding === undefined
    ? pipeline(source, response, { end: false })
    : pipeline(source, compressorOf(coding), response, { end: false }))
  if (failed) cutAfterTrailer(response)
  else response.end()
}

/**
 * As ClickHouse: the transfer coding's last, empty chunk never comes, so that a client that does not know the trailer sees that something
 * is missing. Node's HTTP client drops what it has not yet read when that happens, so whoever reads the trailer may hang up first.
 */
function cutAfterTrailer(response: ServerResponse): void {
  response.write('', () => {
    const timer = setTimeout(() => response.socket?.end(), CUT_AFTER_MS)
    response.on('close', () => clearTimeout(timer))
  })
}

/** As ClickHouse 25.11 and later end a result that failed in the middle. */
function trailerOf(message: string, tag: string): Buffer {
  const length = Buffer.byteLength(message) + 1
  return Buffer.from(`\r\n__exception__\r\n${tag}\r\n${message}\n${length} ${tag}\r\n__exception__\r\n`)
}

/** An exception before the first byte of the answer. What the client still sends is read first: else it would see a reset, not the answer. */
export async function sendException({ request, response, version }: Answer, error: unknown): Promise<void> {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const { code, text } = toException(error)
  const complete = await drain(request)
  for (const name of ['Content-Encoding', 'Content-Length', 'X-ClickHouse-Format']) response.removeHeader(name)
  response.writeHead(statusOfCode(code), {
    'Content-Type': 'text/plain; charset=UTF-8',
    'X-ClickHouse-Exception-Code': String(code),
    ...(complete ? {} : { Connection: 'close' }),
  })
  response.end(`${text} (version ${version} (official build))\n`)
}

async function drain(request: IncomingMessage): Promise<boolean> {
  if (request.complete || request.destroyed) return request.complete
  let size = 0
  request.unpipe()
  return await new Promise(resolve => {
    request.on('data', (part: Buffer) => {
      size += part.length
      if (size > DRAIN_BYTES_MAX) resolve(false)
    })
    request.on('end', () => resolve(true))
    request.on('close', () => resolve(request.complete))
    request.resume()
  })
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
