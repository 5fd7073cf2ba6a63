import type { CourierChoice, CourierChoices, OrderView, TripView } from '../../../dispatch/contract.ts'
import type { Point } from '../../../ingest/events/envelope.ts'
import type { History, OrderDetail, PageConfig } from '../../contract.ts'
import { reasonWords } from '../words.ts'

/** The gateway's HTTP, as outcomes: a refused command is a value to show, not an exception. */

/** Of every answer that is not 2xx: a Problem, or dispatch's Conflict with what stands now and who changed it. */
export interface Refused {
  ok: false
  /** 0: the gateway could not be reached */
  status: number
  reason: string
  detail: string
  current?: OrderView | TripView
  changed_by?: string
  changed_at?: number
}
export type Answer<Body> = { ok: true; body: Body } | Refused

const WITHIN_MS = 8_000

async function ask<Body>(path: string, init: RequestInit = {}): Promise<Answer<Body>> {
  let response: Response
  try {
    response = await fetch(path, { ...init, signal: AbortSignal.timeout(WITHIN_MS) })
  } catch {
    return {
      ok: false,
      status: 0,
      reason: 'unreachable',
      detail: 'The gateway does not answer. Try again in a moment.',
    }
  }
  const body: unknown = await response.json().catch(() => null)
  if (response.ok) return { ok: true, body: body as Body }
  return refused(response.status, body)
}

function refused(status: number, body: unknown): Refused {
  const said = (typeof body === 'object' && body !== null ? body : {}) as Partial<Refused>
  const reason = said.reason ?? `http_${status}`
  return {
    ...said,
    ok: false,
    status,
    reason,
    detail: said.detail ?? `The gateway answered ${status}: ${reasonWords(reason)}.`,
  }
}

const post = <Body>(path: string, body: object, version?: number) =>
  ask<Body>(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(version === undefined ? {} : { 'if-match': String(version) }) },
    body: JSON.stringify(body),
  })

const orderPath = (id: string) => `/api/orders/${encodeURIComponent(id)}`

export const fetchConfig = () => ask<PageConfig>('/api/config')
export const fetchHistory = (from: number, to: number) => ask<History>(`/api/history?from=${from}&to=${to}`)
export const fetchOrder = (id: string) => ask<OrderDetail>(orderPath(id))
export const fetchCouriers = (id: string) => ask<CourierChoices>(`${orderPath(id)}/couriers`)

export const cancelOrder = (id: string, reason: string) => post<unknown>(`${orderPath(id)}/cancel`, { reason })

export const reassignOrder = (id: string, { courier_id, onto }: CourierChoice, version: number) =>
  post<unknown>(`${orderPath(id)}/reassign`, { courier_id, onto, reason: 'by_hand' }, version)

export const setPaused = (id: string, paused: boolean, version: number) =>
  post<unknown>(
    `/api/warehouses/${encodeURIComponent(id)}/${paused ? 'pause' : 'resume'}`,
    { reason: 'by_hand' },
    version,
  )

/** What became of a visitor's trouble; dashboards/contract.ts says what may refuse it. Times are of the business clock, ms. */
export interface BrokenDown {
  /** what the courier had to leave to others */
  order_ids: string[]
  back_at: number
}
export interface Crowd {
  orders: number
  until: number
}

export const breakDown = (courier_id: string) => post<BrokenDown>('/api/world/courier', { courier_id })
export const sendCrowd = ({ lat, lng }: Point) => post<Crowd>('/api/world/surge', { lat, lng })
