import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { OrderView } from '../../dispatch/contract.ts'
import type { Caller, Scope } from '../../ingest/contract.ts'
import { OrderId, WarehouseId } from '../../ingest/events/envelope.ts'
import type { App } from '../../ingest/io/http.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'
import type { History, OrderDetail, PageConfig } from '../contract.ts'
import type { SendCommand } from '../io/dispatch.ts'
import type { AskWorld } from '../io/world.ts'
import { checkOrigin } from './callers.ts'
import { mapVersion } from './rows.ts'

/** HTTP under /api, same origin as the page. What each route gives stands in dashboards/contract.ts. */
export interface ApiEffects {
  callerOf(request: FastifyRequest, scope: Scope): Caller
  readOrder(order_id: string): Promise<{ order: OrderView; history: OrderDetail['history'] } | undefined>
  nameOf(warehouse_id: string): string | undefined
  send: SendCommand
  world: AskWorld
  stats(): object
  /** between two times of the business clock, ms. Throws HttpProblem 422, 503 */
  history(from: number, to: number): Promise<History>
  page: PageConfig
  /** of the city shown; undefined before there is a network */
  timeZone(): string | undefined
}

/** Nothing is coerced, so numbers of a query are digits. */
const Digits = Type.String({ pattern: '^[0-9]{1,15}$' })
const Span = Type.Object({ from: Digits, to: Digits }, { additionalProperties: false })
const OneOrder = Type.Object({ order_id: OrderId })
const OneWarehouse = Type.Object({ warehouse_id: WarehouseId })
/** dispatch knows what a body must be, and says so in its answer. */
const AnyBody = Type.Unsafe<object>(Type.Object({}, { additionalProperties: true }))

export function addApi(app: App, effects: ApiEffects): void {
  const look = { preHandler: admit(effects, 'dashboards') }
  app.get('/api/config', look, async () => pageOf(effects))
  app.get('/api/stats', look, async () => effects.stats())
  app.get('/api/history', { ...look, schema: { querystring: Span } }, ({ query }) =>
    effects.history(Number(query.from), Number(query.to)),
  )
  app.get('/api/orders/:order_id', { ...look, schema: { params: OneOrder } }, async request => {
    const { order_id } = request.params
    const found = await effects.readOrder(order_id)
    if (!found) throw new HttpProblem(404, 'unknown_order', `there is no order ${order_id}`)
    return detailOf(found, effects.nameOf)
  })
  app.get('/api/orders/:order_id/couriers', { ...look, schema: { params: OneOrder } }, (request, reply) =>
    forward(effects, request, reply, `/v1/dispatch/orders/${encodeURIComponent(request.params.order_id)}/couriers`),
  )
  addCommands(app, effects)
  addWorld(app, effects)
}

/** The world says what is wrong with a body, too. */
function addWorld(app: App, effects: ApiEffects): void {
  const ask = async (request: FastifyRequest, reply: FastifyReply, method: 'GET' | 'POST', path: string) => {
    const { correlation_id, body } = request
    const answer = await effects.world({ method, path, correlation_id, ...(method === 'POST' && { body }) })
    return reply.code(answer.status).type(answer.content_type).send(answer.body)
  }
  const look = { preHandler: admit(effects, 'dashboards') }
  const make = { preHandler: admit(effects, 'dispatch'), schema: { body: AnyBody } }
  app.get('/api/world', look, (request, reply) => ask(request, reply, 'GET', '/trouble'))
  app.post('/api/world/courier', make, (request, reply) => ask(request, reply, 'POST', '/trouble/courier'))
  app.post('/api/world/surge', make, (request, reply) => ask(request, reply, 'POST', '/trouble/surge'))
}

function pageOf({ page, timeZone }: ApiEffects): PageConfig {
  const time_zone = timeZone()
  return time_zone === undefined ? page : { ...page, time_zone }
}

function addCommands(app: App, effects: ApiEffects): void {
  const command = { preHandler: admit(effects, 'dispatch'), schema: { params: OneOrder, body: AnyBody } }
  app.post('/api/orders/:order_id/cancel', command, (request, reply) =>
    forward(effects, request, reply, `/v1/orders/${encodeURIComponent(request.params.order_id)}/cancel`),
  )
  app.post('/api/orders/:order_id/reassign', command, (request, reply) =>
    forward(effects, request, reply, `/v1/dispatch/orders/${encodeURIComponent(request.params.order_id)}/reassign`),
  )
  for (const verb of ['pause', 'resume'] as const) {
    const schema = { params: OneWarehouse, body: AnyBody }
    app.post(`/api/warehouses/:warehouse_id/${verb}`, { ...command, schema }, (request, reply) => {
      const id = encodeURIComponent(request.params.warehouse_id)
      return forward(effects, request, reply, `/v1/dispatch/warehouses/${id}/${verb}`)
    })
  }
}

function admit({ callerOf }: ApiEffects, scope: Scope) {
  return async (request: FastifyRequest): Promise<void> => {
    if (request.method !== 'GET') checkOrigin(request.headers)
    request.authenticated = callerOf(request, scope)
  }
}

async function forward(effects: ApiEffects, request: FastifyRequest, reply: FastifyReply, path: string) {
  const { 'if-match': if_match, 'idempotency-key': idempotency } = request.headers
  const answer = await effects.send({
    method: request.method === 'GET' ? 'GET' : 'POST',
    path,
    body: request.method === 'GET' ? undefined : request.body,
    actor: request.caller.actor,
    correlation_id: request.correlation_id,
    headers: { if_match, idempotency_key: typeof idempotency === 'string' ? idempotency : undefined },
  })
  return reply.code(answer.status).headers(answer.headers).type(answer.content_type).send(answer.body)
}

/** The book's row as the page shows it; the history calls warehouses by their names. */
export function detailOf(
  { order, history }: { order: OrderView; history: OrderDetail['history'] },
  nameOf: ApiEffects['nameOf'],
): OrderDetail {
  const { point, lines, ...rest } = order
  const ids = [...new Set([order.warehouse_id, ...order.candidates.map(one => one.warehouse_id)])]
  const named = (text: string) =>
    ids.reduce((told, id) => (id === null ? told : replaceWord(told, id, nameOf(id) ?? id)), text)
  return {
    order_id: rest.order_id,
    external_id: rest.external_id,
    zone_id: rest.zone_id,
    state: rest.state,
    version: rest.version,
    map_version: mapVersion(rest.attempt, rest.state),
    attempt: rest.attempt,
    lat: point.lat,
    lng: point.lng,
    warehouse_id: rest.warehouse_id,
    courier_id: rest.courier_id,
    trip_id: rest.trip_id,
    placed_at: rest.placed_at,
    promise: rest.promise,
    first_deliver_by: rest.first_deliver_by,
    lines: lines.map(({ line_id, sku, quantity, unit }) => ({ line_id, sku, quantity, unit })),
    candidates: rest.candidates,
    reason: rest.reason,
    pinned: rest.pinned,
    history: history.map(entry => ({ ...entry, text: named(entry.text) })),
  }
}

/** Only where the id stands as a word of its own: w1 is not part of w12. */
function replaceWord(text: string, word: string, by: string): string {
  const escaped = word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return text.replaceAll(new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`, 'g'), () => by)
}
