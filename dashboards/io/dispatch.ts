import { DEVELOPMENT_KEY } from '../../ingest/io/keys.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'

/** Commands to dispatch over HTTP. Its answers come back as they are; only its absence becomes an answer of ours. */

export interface Command {
  method: 'GET' | 'POST'
  /** with leading slash, its parts already escaped */
  path: string
  body?: unknown
  /** on whose behalf: kind:id */
  actor: string
  correlation_id: string
  /** passed on as they came */
  headers: { if_match: string | undefined; idempotency_key: string | undefined }
}

export interface Answer {
  status: number
  body: string
  content_type: string
  headers: Record<string, string>
}

export type SendCommand = (command: Command) => Promise<Answer>

const WITHIN_MS = 6_000
const ANSWER_BYTES_MAX = 1_048_576
const PASSED_BACK = ['etag', 'retry-after', 'location']

/** @throws HttpProblem 503 when dispatch cannot be reached, or gives no answer in time */
export function openDispatch(url: string, key = DEVELOPMENT_KEY): SendCommand {
  return async command => {
    try {
      return await send(url, key, command)
    } catch (cause) {
      throw isUnreached(cause)
        ? new HttpProblem(503, 'dispatch_away', 'dispatch cannot be reached, so nothing was changed: try again soon', {
            retry_after_s: 2,
            cause,
          })
        : new HttpProblem(
            503,
            'dispatch_silent',
            'dispatch did not answer: look whether it was done before you try again',
            {
              retry_after_s: 2,
              cause,
            },
          )
    }
  }
}

const UNREACHED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

/** The connection was never there, so the command did not leave. */
function isUnreached(error: unknown): boolean {
  const { cause } = (error ?? {}) as { cause?: { code?: unknown; errors?: { code?: unknown }[] } }
  const codes = [cause?.code, ...(cause?.errors ?? []).map(one => one.code)]
  return codes.some(code => typeof code === 'string' && UNREACHED.has(code))
}

async function send(url: string, key: string, command: Command): Promise<Answer> {
  const { if_match, idempotency_key } = command.headers
  const response = await fetch(new URL(command.path, url), {
    method: command.method,
    redirect: 'error',
    signal: AbortSignal.timeout(WITHIN_MS),
    headers: {
      authorization: `Bearer ${key}`,
      'x-waggle-actor': command.actor,
      'x-correlation-id': command.correlation_id,
      ...(if_match === undefined ? {} : { 'if-match': if_match }),
      ...(idempotency_key === undefined ? {} : { 'idempotency-key': idempotency_key }),
      ...(command.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(command.body === undefined ? {} : { body: JSON.stringify(command.body) }),
  })
  const body = await response.text()
  if (body.length > ANSWER_BYTES_MAX) throw new Error(`dispatch answered with ${body.length} bytes`)
  const kept = PASSED_BACK.flatMap(name => {
    const value = response.headers.get(name)
    return value === null ? [] : [[name, value] as const]
  })
  const content_type = response.headers.get('content-type') ?? 'application/json'
  return { status: response.status, body, content_type, headers: Object.fromEntries(kept) }
}
