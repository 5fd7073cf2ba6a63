import { DEVELOPMENT_KEY } from '../../ingest/io/keys.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'

/** The world of the demo, in which trouble can be made: its answers come back as they are. */

export interface WorldRequest {
  method: 'GET' | 'POST'
  /** with leading slash */
  path: string
  body?: unknown
  correlation_id: string
}

export type AskWorld = (request: WorldRequest) => Promise<{ status: number; body: string; content_type: string }>

const WITHIN_MS = 5_000

/**
 * @param url undefined: there is none, as everywhere but in the demo
 * @throws HttpProblem 404 where there is none, 502 when it does not answer
 */
export function openWorld(url: string | undefined): AskWorld {
  return async request => {
    if (url === undefined) {
      throw new HttpProblem(404, 'no_world', 'there is no world here to make trouble in: only the demo has one')
    }
    try {
      return await ask(url, request)
    } catch (cause) {
      const detail = 'the world of the demo does not answer: has it ended?'
      throw new HttpProblem(502, 'world_silent', detail, { cause })
    }
  }
}

async function ask(url: string, { method, path, body, correlation_id }: WorldRequest) {
  const response = await fetch(new URL(path, url), {
    method,
    redirect: 'error',
    signal: AbortSignal.timeout(WITHIN_MS),
    headers: {
      authorization: `Bearer ${DEVELOPMENT_KEY}`,
      'x-correlation-id': correlation_id,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const content_type = response.headers.get('content-type') ?? 'application/json'
  return { status: response.status, body: await response.text(), content_type }
}
