import { setTimeout as delay } from 'node:timers/promises'

/**
 * One call through a public door: a time limit, and the very same bytes again until there is an answer. Event ids and external
 * ids make that harmless, so a service that restarts loses nothing and doubles nothing.
 */
export interface Call {
  method: 'GET' | 'PUT' | 'POST'
  url: string
  body?: string
  content_type?: string
  headers?: Record<string, string>
}

export interface Answer {
  status: number
  text: string
  /** parsed JSON, or null */
  body: unknown
  /** wall ms of the try that was answered */
  took_ms: number
}

export interface Caller {
  /** Answers with any status but those of RETRIED. @throws CityStopped once the city is over */
  call(call: Call): Promise<Answer>
  /** calls without an answer yet */
  open(): number
  tally: CallTally
}

export interface CallTally {
  calls: number
  retries: number
  /** why calls were repeated → how often */
  retried_for: Record<string, number>
  /** latest answers: wall ms, smoothed */
  took_ms: number
}

export class CityStopped extends Error {}

/** Somebody is busy or being started again: the same call later. */
const RETRIED: Record<number, string> = {
  408: 'timeout',
  425: 'too early',
  429: 'busy',
  500: 'internal',
  502: 'bad gateway',
  503: 'not ready',
  504: 'timeout',
}
const TIMEOUT_MS = 10_000
const PAUSE_MS_MAX = 2_000

export function openCaller(key: string, stop: AbortSignal): Caller {
  const tally: CallTally = { calls: 0, retries: 0, retried_for: {}, took_ms: 0 }
  let open = 0

  const retry = (why: string): void => {
    tally.retries++
    tally.retried_for[why] = (tally.retried_for[why] ?? 0) + 1
  }
  const untilAnswered = async (call: Call): Promise<Answer> => {
    for (let pause_ms = 100; ; pause_ms = Math.min(PAUSE_MS_MAX, pause_ms * 2)) {
      if (stop.aborted) throw new CityStopped('the city is over')
      const answer = await once(call, key, stop)
      if (typeof answer !== 'string') {
        const again = RETRIED[answer.status]
        if (again === undefined) {
          tally.took_ms += (answer.took_ms - tally.took_ms) / 16
          return answer
        }
        retry(again)
      } else retry(answer)
      await delay(pause_ms, undefined, { signal: stop }).catch(() => {})
    }
  }
  return {
    tally,
    open: () => open,
    async call(call) {
      tally.calls++
      open++
      try {
        return await untilAnswered(call)
      } finally {
        open--
      }
    },
  }
}

/** @returns the answer, or in one word why there is none */
async function once(call: Call, key: string, stop: AbortSignal): Promise<Answer | string> {
  const started = performance.now()
  try {
    const response = await fetch(call.url, {
      method: call.method,
      ...(call.body === undefined ? {} : { body: call.body }),
      headers: {
        authorization: `Bearer ${key}`,
        ...(call.body === undefined ? {} : { 'content-type': call.content_type ?? 'application/json' }),
        ...call.headers,
      },
      signal: AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    const text = await response.text()
    return { status: response.status, text, body: parsed(text), took_ms: performance.now() - started }
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError' ? 'no answer in time' : 'no connection'
  }
}

/** @returns null where it is not JSON */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
