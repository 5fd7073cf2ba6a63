import { latLngToCell } from 'h3-js'
import { Type } from 'typebox'
import type { Views } from '../../engine/io/views.ts'
import { AREA_RESOLUTION, NOWHERE, partitionOf } from '../../ingest/contract.ts'
import { OrderId, Point, Sku } from '../../ingest/events/envelope.ts'
import type { Http } from '../../ingest/io/http.ts'
import type { Network } from '../../ingest/io/network.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'
import { type AvailabilityAnswer, PlaceOrder, WithReason } from '../contract.ts'
import { isRefused } from '../desk.ts'
import { actOf, sendRefused } from '../door.ts'
import { orderEta } from '../etas/order_eta.ts'
import { attemptsOf } from '../io/attempts.ts'
import { readOrder } from '../io/book.ts'
import { returnsOf } from '../io/returns.ts'
import { findTrip } from '../io/trips.ts'
import { attemptView, returnView } from '../rows.ts'
import { parseAtLeast, readAtLeast } from './availability.ts'
import { askToCancel } from './cancel.ts'
import { eraseContact } from './erase.ts'
import { hrefOf, type PlaceEffects, placeOrder } from './place.ts'

export interface PartnerEffects extends PlaceEffects {
  views: Views
  network(): Network
  partitions: number
}

const CANCELLED_WITHIN_MS = 2_000
const OneOrder = Type.Object({ order_id: OrderId })
const Question = Type.Object({
  lat: Point.properties.lat,
  lng: Point.properties.lng,
  sku: Type.Optional(Type.Array(Sku, { maxItems: 200 })),
  at_least: Type.Optional(Type.String({ maxLength: 32 })),
})

/** For partners: ask, order, follow, cancel. */
export function addPartnerRoutes(http: Http, effects: PartnerEffects): void {
  const { app, requireScope } = http
  const { desk, answers } = effects
  const preHandler = requireScope('orders')

  app.post('/v1/orders', { preHandler, schema: { body: PlaceOrder } }, async (request, reply) => {
    const placed = await placeOrder(effects, actOf(request, desk), request.body)
    if (isRefused(placed)) return sendRefused(reply, request, placed.refused)
    return reply.code(placed.status).header('location', placed.answer.href).send(placed.answer)
  })

  app.get('/v1/orders/:order_id', { preHandler, schema: { params: OneOrder } }, async request => {
    const { order_id } = request.params
    const found = await readOrder(desk.pool, request.caller.tenant_id, order_id)
    if (!found) throw new HttpProblem(404, 'unknown_order', `there is no order ${order_id}`)
    const { tenant_id } = request.caller
    const { trip_id } = found.order
    const [attempts, returns, trip] = await Promise.all([
      attemptsOf(desk.pool, tenant_id, order_id),
      returnsOf(desk.pool, tenant_id, order_id),
      trip_id ? findTrip(desk.pool, tenant_id, trip_id) : undefined,
    ])
    const beside = { attempts: attempts.map(attemptView), returns: returns.map(returnView) }
    return { ...found.order, eta: orderEta(order_id, trip?.stops ?? []), history: found.history, ...beside }
  })

  const cancel = { preHandler, schema: { params: OneOrder, body: WithReason } }
  app.post('/v1/orders/:order_id/cancel', cancel, async (request, reply) => {
    const { order_id } = request.params
    const act = actOf(request, desk)
    const waiting = answers.expect(act.tenant_id, order_id, ['order.cancelled', 'order.rejected'], CANCELLED_WITHIN_MS)
    try {
      const asked = await askToCancel(desk, act, { order_id, reason: request.body.reason })
      if (isRefused(asked)) return sendRefused(reply, request, asked.refused)
      const { state } = asked.order
      if (state === 'cancelled') return { order_id, state }
      const answer = await waiting.answer
      if (answer?.decision.type === 'order.cancelled') return { order_id, state: 'cancelled' }
      if (answer) return { order_id, state: 'rejected' }
      return reply.code(202).send({ order_id, state, cancel_asked: true, href: hrefOf(order_id) })
    } finally {
      waiting.end()
    }
  })

  app.delete('/v1/orders/:order_id/contact', { preHandler, schema: { params: OneOrder } }, async (request, reply) => {
    await eraseContact(desk, actOf(request, desk), request.params.order_id)
    return reply.code(204).send()
  })

  app.get('/v1/availability', { preHandler, schema: { querystring: Question } }, async request =>
    answerAvailability(effects, request.caller.tenant_id, request.query),
  )
}

async function answerAvailability(
  { views, network, partitions, desk }: PartnerEffects,
  tenant_id: Parameters<Network['zoneOfArea']>[0],
  { lat, lng, sku = [], at_least }: { lat: number; lng: number; sku?: string[]; at_least?: string },
): Promise<AvailabilityAnswer> {
  const least = at_least === undefined ? null : parseAtLeast(at_least)
  if (least === undefined) {
    throw new HttpProblem(400, 'wrong_shape', 'at_least must be partition:offset, as an order was answered', {
      pointer: '/at_least',
    })
  }
  const { zoneOfArea, warehouses } = network()
  const zone_id = zoneOfArea(tenant_id, latLngToCell(lat, lng, AREA_RESOLUTION)) ?? NOWHERE
  const in_zone = [...warehouses.values()].filter(one => one.zone_id === zone_id && one.tenant_id === tenant_id)
  const question = {
    warehouse_ids: in_zone.map(one => one.warehouse_id),
    point: { lat, lng },
    skus: sku,
    partition: partitionOf(zone_id, partitions),
    time_ms: desk.now(),
  }
  try {
    return { zone_id, ...(await readAtLeast(views, question, least)) }
  } catch (error) {
    const detail = 'live availability can not be read now; it is never guessed: ask again a little later'
    throw new HttpProblem(503, 'views_unreachable', detail, { retry_after_s: 1, cause: error })
  }
}
