import { once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { EVENT_BYTES_MAX, reject } from './accept.ts'
import type { EventAnswer } from './contract.ts'
import type { Http } from './io/http.ts'
import { HttpProblem } from './io/problem.ts'
import { type Asked, answerOf, type Publisher } from './io/publish.ts'
import { linesOf } from './lines.ts'

/**
 * POST /v1/events. One event or an array as JSON: the answer has the same form, after Kafka has acknowledged all of it;
 * 200 all accepted, 207 some, 400 none; 429 or 503: nothing is claimed. NDJSON: read and answered as a stream.
 */
export function addEventsRoute({ app, requireScope }: Http, publisher: Publisher): void {
  app.addContentTypeParser(['application/x-ndjson', 'application/ndjson'], (_request, stream, done) => {
    done(null, stream)
  })
  app.post('/v1/events', { preHandler: requireScope('events:write') }, async (request, reply) => {
    const asked: Asked = { caller: request.caller, correlation_id: request.correlation_id }
    if (isStream(request.body)) return answerStream(request.body, publisher, asked, request, reply)
    const drafts: unknown[] = Array.isArray(request.body) ? request.body : [request.body]
    if (drafts.length === 0) throw new HttpProblem(400, 'wrong_shape', 'the array holds no event')
    const answers = await publisher.publish(drafts, asked)
    reply.code(statusOf(answers))
    return Array.isArray(request.body) ? answers : answers[0]
  })
}

const isStream = (body: unknown): body is Readable =>
  typeof body === 'object' && body !== null && Symbol.asyncIterator in body

function statusOf(answers: readonly EventAnswer[]): number {
  const accepted = answers.filter(answer => answer.status === 'accepted').length
  if (accepted === answers.length) return 200
  return accepted === 0 ? 400 : 207
}

// ── NDJSON ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Bytes of one stream that Kafka has not acknowledged: reading waits at this, and so, through TCP, does the sender. */
const WINDOW_BYTES = 1_048_576
/** The events of one chunk of lines (64 kB) with their envelopes; generous. */
const CHUNK_BYTES_MAX = 2_097_152
const ROOM_POLL_MS = 10

/**
 * One answer a line, in the order of the lines. A sender should read answers while it writes. When Kafka stops to
 * acknowledge: 503 if nothing was answered yet, else the last lines have the status `failed` and the stream ends.
 */
async function answerStream(
  body: Readable,
  publisher: Publisher,
  asked: Asked,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const out = new PassThrough()
  // Told to the caller or the log below; without a listener it would end the process.
  out.on('error', () => {})
  const first = Promise.withResolvers<void>()
  copyThrough(body, out, publisher, asked, first.resolve).then(
    () => {
      first.resolve()
      out.end()
    },
    (error: Error) => {
      first.reject(error)
      out.destroy(error)
      request.log.info({ err: error }, 'an event stream was cut off')
    },
  )
  await first.promise
  return reply.type('application/x-ndjson').send(out)
}

/** Reads, sends and answers until either side ends. @throws HttpProblem when Kafka fails before the first answer */
async function copyThrough(
  body: Readable,
  out: PassThrough,
  publisher: Publisher,
  asked: Asked,
  answered: () => void,
): Promise<void> {
  const window = openWindow(WINDOW_BYTES)
  const writer = openWriter(out, answered)
  let writing = Promise.resolve()
  // Not destroyed when reading stops early: the answers go through the same connection.
  for await (const lines of linesOf(body.iterator({ destroyOnReturn: false }), EVENT_BYTES_MAX)) {
    while (!publisher.hasRoom(CHUNK_BYTES_MAX) && !writer.ended()) await delay(ROOM_POLL_MS)
    if (writer.ended()) break
    const bytes = lines.reduce((sum, line) => sum + (line?.length ?? 0) + 1, 0)
    window.enter(bytes)
    const answers = lines.map(line => answerLine(line, publisher, asked))
    writing = writing.then(() => writer.write(answers)).finally(() => window.leave(bytes))
    writing.catch(() => {})
    await window.free()
  }
  await writing
}

interface Writer {
  write(answers: Promise<EventAnswer>[]): Promise<void>
  /** nothing more should be read: Kafka failed, or the caller has gone */
  ended(): boolean
}

function openWriter(out: PassThrough, answered: () => void): Writer {
  let begun = false
  let failed = false
  return {
    async write(answers) {
      const settled = await Promise.all(answers)
      failed ||= settled.some(answer => answer.status === 'failed')
      if (!begun && settled.every(answer => answer.status === 'failed')) throw unreachable(settled)
      begun = true
      answered()
      const text = settled.map(answer => `${JSON.stringify(answer)}\n`).join('')
      if (!out.write(text) && !out.destroyed) await Promise.race([once(out, 'drain'), once(out, 'close')])
    },
    ended: () => failed || out.destroyed,
  }
}

/** Counts what is on its way; `free` resolves when it is no more than `bytes_max`. One waits at a time. */
function openWindow(bytes_max: number) {
  let bytes = 0
  let more = Promise.withResolvers<void>()
  return {
    enter(count: number) {
      bytes += count
    },
    leave(count: number) {
      bytes -= count
      more.resolve()
    },
    async free() {
      while (bytes > bytes_max) {
        more = Promise.withResolvers()
        await more.promise
      }
    },
  }
}

async function answerLine(line: Buffer | null, publisher: Publisher, asked: Asked): Promise<EventAnswer> {
  if (line === null) return answerOf(reject('too_large', '', `the line has more than ${EVENT_BYTES_MAX} bytes`))
  const draft = parseLine(line)
  if (draft === undefined) return answerOf(reject('not_json', '', 'the line is not JSON'))
  const result = publisher.accept(draft, asked)
  if (!result.ok) return answerOf(result)
  return publisher.send(result).catch((error: Error) => ({
    status: 'failed',
    event_id: result.event.event_id,
    reason: 'kafka_unreachable',
    detail: error.message,
  }))
}

function parseLine(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString())
  } catch {
    return undefined
  }
}

function unreachable(answers: readonly EventAnswer[]): HttpProblem {
  const [first] = answers
  return new HttpProblem(
    503,
    'kafka_unreachable',
    first && 'detail' in first ? first.detail : 'Kafka does not answer',
    {
      retry_after_s: 1,
    },
  )
}
