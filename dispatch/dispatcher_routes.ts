import { Type } from 'typebox'
import type { CourierView } from '../engine/contract.ts'
import { OrderId, type Point, WarehouseId } from '../ingest/events/envelope.ts'
import { DEFAULT_POLICY } from '../ingest/events/network.ts'
import type { Http } from '../ingest/io/http.ts'
import type { Network } from '../ingest/io/network.ts'
import { HttpProblem } from '../ingest/io/problem.ts'
import { courierChoices } from './choices.ts'
import { Reassign, WithReason } from './contract.ts'
import { type Desk, isRefused } from './desk.ts'
import { actOf, idempotencyKeyOf, sendRefused, versionOf } from './door.ts'
import { readOrder } from './io/book.ts'
import { activeTrips, declinedFor } from './io/trips.ts'
import { setWarehousePaused } from './pause.ts'
import { stopsOf } from './plan_stops.ts'
import { reassign } from './reassign.ts'
import type { OrderRow } from './rows.ts'
import type { WorkStreams } from './stream.ts'
import { greatCircle } from './travel.ts'

export interface DispatcherEffects {
  desk: Desk
  streams: WorkStreams
  network(): Network
  /** rejects while Redis is away */
  fleet(): Promise<CourierView[]>
}

const OneOrder = Type.Object({ order_id: OrderId })
const OneWarehouse = Type.Object({ warehouse_id: WarehouseId })

/** For dispatchers: who is near, give an order to somebody, pause a warehouse, and the stream of work. */
export function addDispatcherRoutes(http: Http, effects: DispatcherEffects): void {
  addReassignRoutes(http, effects)
  addPauseRoutes(http, effects.desk)
  const { app, requireScope } = http
  app.get('/v1/work/stream', { preHandler: requireScope('dispatch') }, async (request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-correlation-id': request.correlation_id,
    })
    try {
      await effects.streams.open(request.caller.tenant_id, reply.raw)
    } catch (error) {
      request.log.warn({ err: error }, 'a work stream could not begin; the reader comes again')
      reply.raw.destroy()
    }
  })
}

function addReassignRoutes({ app, requireScope }: Http, effects: DispatcherEffects): void {
  const { desk } = effects
  const preHandler = requireScope('dispatch')
  const command = { preHandler, schema: { params: OneOrder, body: Reassign } }
  app.post('/v1/dispatch/orders/:order_id/reassign', command, async (request, reply) => {
    const version = versionOf(request)
    if (version === null) {
      const detail = 'send "If-Match: <version>", the version of the order that you saw'
      throw new HttpProblem(428, 'version_required', detail)
    }
    const act = actOf(request, desk)
    const { courier_id, reason, pin = true } = request.body
    const courier = (await liveFleet(effects)).find(
      one => one.courier_id === courier_id && one.tenant_id === act.tenant_id,
    )
    if (!courier) throw new HttpProblem(404, 'unknown_courier', `${courier_id} is not on shift`)
    const answer = await reassign(desk, act, {
      order_id: request.params.order_id,
      version,
      courier,
      reason,
      pin,
      idempotency_key: idempotencyKeyOf(request),
      plan: (order, place) => planStops(effects.network(), order, place, act.now),
    })
    if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
    return reply.header('etag', `"${answer.order.version}"`).send(answer.order)
  })

  app.get('/v1/dispatch/orders/:order_id/couriers', { preHandler, schema: { params: OneOrder } }, async request => {
    const { tenant_id } = request.caller
    const { order_id } = request.params
    const found = await readOrder(desk.pool, tenant_id, order_id)
    if (!found) throw new HttpProblem(404, 'unknown_order', `there is no order ${order_id}`)
    const { warehouses, zones } = effects.network()
    const from = found.order.warehouse_id ? warehouses.get(found.order.warehouse_id)?.point : undefined
    const [fleet, trips, declined] = await Promise.all([
      liveFleet(effects),
      activeTrips(desk.pool, tenant_id),
      declinedFor(desk.pool, { tenant_id, order_id, now: desk.now() }),
    ])
    return courierChoices(found.order, {
      from: from ?? found.order.point,
      fleet: fleet.filter(courier => courier.tenant_id === tenant_id),
      busy: new Set(trips.map(trip => trip.courier_id)),
      declined: new Set(declined),
      travel: greatCircle(zones.get(found.order.zone_id)?.policy ?? DEFAULT_POLICY),
    })
  })
}

function addPauseRoutes({ app, requireScope }: Http, desk: Desk): void {
  const command = { preHandler: requireScope('dispatch'), schema: { params: OneWarehouse, body: WithReason } }
  for (const verb of ['pause', 'resume'] as const) {
    app.post(`/v1/dispatch/warehouses/:warehouse_id/${verb}`, command, async (request, reply) => {
      const answer = await setWarehousePaused(desk, actOf(request, desk), {
        warehouse_id: request.params.warehouse_id,
        paused: verb === 'pause',
        reason: request.body.reason,
        version: versionOf(request),
      })
      if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
      return reply.header('etag', `"${answer.warehouse.version}"`).send(answer.warehouse)
    })
  }
}

async function liveFleet({ fleet }: DispatcherEffects): Promise<CourierView[]> {
  try {
    return await fleet()
  } catch (error) {
    const detail = 'where the couriers are can not be read now: try again a little later'
    throw new HttpProblem(503, 'views_unreachable', detail, { retry_after_s: 1, cause: error })
  }
}

function planStops({ warehouses, zones }: Network, order: OrderRow, place: Point, depart: number) {
  const travel = greatCircle(zones.get(order.zone_id)?.policy ?? DEFAULT_POLICY)
  const pointOf = (id: string) => warehouses.get(id as WarehouseId)?.point
  return stopsOf(order, { place, depart, travel, pointOf })
}
