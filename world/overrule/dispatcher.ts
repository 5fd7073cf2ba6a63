import { setTimeout as delay } from 'node:timers/promises'
import type { CourierChoices, QueueRow } from '../../dispatch/contract.ts'
import { DEVELOPMENT_KEY } from '../../ingest/io/keys.ts'
import { type Draws, draws } from '../city/random.ts'

/** Somebody who overrules without sense or pause, and keeps a record of what was answered. */

export const ACTOR = 'dispatcher:overruler'

/** What a command that was answered with 200 has said of orders: they are pinned from then on, or not. */
export interface Said {
  order_ids: string[]
  pinned: boolean
}

export interface Dispatcher {
  /** correlation id → what was said with it */
  said: Map<string, Said>
  /** action → answer (200, or the reason of the refusal) → how often */
  answers: Record<string, Record<string, number>>
  /** Resolves when the command in hand is answered. */
  stop(): Promise<void>
  /** rejects when an answer is none that should be */
  failed: Promise<never>
}

export interface DispatcherOptions {
  dispatch_url: string
  zone_id: string
  seed: number
  /** only looks on */
  calm: boolean
}

interface Desk extends DispatcherOptions {
  draw: Draws
  said: Map<string, Said>
  count(action: string, answer: string): void
  turn: number
}

interface Answer<Body> {
  status: number
  body: Body
}

const PAUSE_MS = 100
const REASON = 'by_hand'
const ONTO = ['new', 'present', 'next'] as const

export function openDispatcher(options: DispatcherOptions): Dispatcher {
  const answers: Dispatcher['answers'] = {}
  const said = new Map<string, Said>()
  const { promise: failed, reject } = Promise.withResolvers<never>()
  failed.catch(() => {}) // whoever waits for it hears of it
  const desk: Desk = {
    ...options,
    said,
    draw: draws(options.seed, 'dispatcher'),
    turn: 0,
    count(action, answer) {
      const of = answers[action] ?? {}
      of[answer] = (of[answer] ?? 0) + 1
      answers[action] = of
    },
  }
  let stopped = false
  const work = async (): Promise<void> => {
    while (!stopped) {
      await overrule(desk)
      await delay(PAUSE_MS)
    }
    await setMode(desk, 'on')
  }
  const working = work().catch(reject)
  return {
    said,
    answers,
    failed,
    async stop() {
      stopped = true
      await working
    },
  }
}

/** What is refused with these is part of the game; anything else should not be. */
const REFUSALS = new Set([
  ...['changed', 'already_assigned', 'not_assigned', 'too_late', 'cancel_asked', 'not_routed', 'moved_on'],
  ...['nothing_to_undo', 'courier_busy', 'requirement', 'full', 'declined', 'on_break', 'returning', 'unreachable'],
  ...['under_way', 'no_trip', 'off', 'taken', 'unknown_courier', 'on_trip'],
])

async function overrule(desk: Desk): Promise<void> {
  desk.turn += 1
  const { body } = await ask<{ rows: QueueRow[] }>(desk, 'GET', '/v1/dispatch/queue?limit=200')
  const movable = body.rows.filter(row => ['routed', 'picking', 'packed'].includes(row.state))
  if (desk.calm) return
  const row = movable.length > 0 ? desk.draw.pick(movable) : undefined
  if (!row) return
  const dice = desk.draw.uniform()
  if (dice < 0.02) return setMode(desk, desk.draw.pick(['on', 'suggest', 'off'] as const))
  // A hand that was taken off the wheel comes back soon, or nothing would be left to overrule.
  if (desk.turn % 50 === 0) return setMode(desk, 'on')
  if (dice < 0.1) return move(desk, movable)
  if (dice < 0.15) return bulk(desk, movable)
  if (dice < 0.6) return give(desk, row, row.courier_id === null ? 'assign' : 'reassign')
  return take(desk, row, desk.draw.pick(['unassign', 'pin', 'pin', 'unpin', 'undo'] as const))
}

async function give(desk: Desk, row: QueueRow, action: 'assign' | 'reassign'): Promise<void> {
  const choice = await courierFor(desk, row)
  if (!choice) return
  const pin = desk.draw.chance(0.6)
  const onto = desk.draw.chance(0.8) ? choice.onto : desk.draw.pick(ONTO)
  const body = { courier_id: choice.courier_id, reason: REASON, pin, onto, overrule: desk.draw.chance(0.3) }
  await one(desk, row, action, body)
}

async function courierFor(desk: Desk, row: QueueRow) {
  const { status, body } = await ask<CourierChoices>(desk, 'GET', `/v1/dispatch/orders/${row.order_id}/couriers`)
  if (status !== 200) return undefined
  const among = desk.draw.chance(0.8) ? body.best : [...body.best, ...body.others]
  return among.length > 0 ? desk.draw.pick(among) : undefined
}

const take = (desk: Desk, row: QueueRow, action: 'unassign' | 'pin' | 'unpin' | 'undo'): Promise<void> =>
  one(desk, row, action, { reason: REASON })

async function one(desk: Desk, row: QueueRow, action: string, body: object): Promise<void> {
  const path = `/v1/dispatch/orders/${row.order_id}/${action}`
  await tell<{ pinned: boolean }>(desk, action, path, body, row.version, order => ({
    order_ids: [row.order_id],
    pinned: order.pinned,
  }))
}

async function move(desk: Desk, rows: readonly QueueRow[]): Promise<void> {
  const several = [...new Set([desk.draw.pick(rows), desk.draw.pick(rows), desk.draw.pick(rows)])]
  const [first] = several
  const choice = first && (await courierFor(desk, first))
  if (!choice) return
  const orders = several.map(({ order_id, version }) => ({ order_id, version }))
  const pin = desk.draw.chance(0.6)
  const body = { orders, courier_id: choice.courier_id, reason: REASON, pin, onto: choice.onto, overrule: true }
  await tell(desk, 'move', '/v1/dispatch/move', body, undefined, () => ({
    order_ids: orders.map(order => order.order_id),
    pinned: pin,
  }))
}

/** Pins only: every row has its own answer, and all of them one correlation id. */
async function bulk(desk: Desk, rows: readonly QueueRow[]): Promise<void> {
  const several = [...new Set(Array.from({ length: 5 }, () => desk.draw.pick(rows)))]
  const commands = several.map(({ order_id, version }) => ({ action: 'pin', order_id, version, reason: REASON }))
  type Result = { status: number; reason?: string; order?: { order_id: string } }
  await tell<{ results: Result[] }>(desk, 'bulk', '/v1/dispatch/bulk', { commands }, undefined, ({ results }) => {
    for (const { status, reason } of results) desk.count('bulk.pin', reason ?? String(status))
    const order_ids = results.flatMap(({ order }) => order?.order_id ?? [])
    return { order_ids, pinned: true }
  })
}

async function setMode(desk: Desk, mode: 'on' | 'suggest' | 'off'): Promise<void> {
  const { body: zones } = await ask<{ zone_id: string; version: number; mode: string }[]>(
    desk,
    'GET',
    '/v1/dispatch/zones',
  )
  const zone = zones.find(one => one.zone_id === desk.zone_id)
  if (!zone || zone.mode === mode) return
  const path = `/v1/dispatch/zones/${desk.zone_id}/assignment`
  const { status } = await ask(desk, 'PUT', path, { mode, reason: REASON }, { 'if-match': String(zone.version) })
  desk.count('zone.assignment', String(status))
}

async function tell<Body>(
  desk: Desk,
  action: string,
  path: string,
  body: object,
  version: number | undefined,
  said: (body: Body) => Said,
): Promise<void> {
  const correlation_id = `overrule-${desk.seed}-${desk.turn}`
  const answer = await ask<Body & { reason?: string }>(desk, 'POST', path, body, {
    ...{ 'x-correlation-id': correlation_id, 'idempotency-key': correlation_id },
    ...(version !== undefined && { 'if-match': String(version) }),
  })
  const reason = answer.body.reason ?? String(answer.status)
  desk.count(action, answer.status === 200 ? '200' : reason)
  if (answer.status === 200) desk.said.set(correlation_id, said(answer.body))
  else if (!REFUSALS.has(reason)) throw new Error(`${action} was answered with ${JSON.stringify(answer)}`)
}

async function ask<Body>(
  { dispatch_url }: Desk,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer<Body>> {
  const response = await fetch(`${dispatch_url}${path}`, {
    method,
    headers: {
      ...{ authorization: `Bearer ${DEVELOPMENT_KEY}`, 'x-waggle-actor': ACTOR },
      ...(body && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Body }
}
