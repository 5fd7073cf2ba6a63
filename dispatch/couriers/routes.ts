import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { courier_events } from '../../ingest/events/couriers.ts'
import { StopKind } from '../../ingest/events/deliveries.ts'
import { FulfilmentId, OrderId, Point, TripId } from '../../ingest/events/envelope.ts'
import type { Http } from '../../ingest/io/http.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'
import { DECLINE_REASONS, FAIL_REASONS } from '../contract.ts'
import { isRefused } from '../desk.ts'
import { actOf, courierOf, sendRefused } from '../door.ts'
import { handoverOf } from '../io/handover.ts'
import { orderView, returnView, tripView } from '../rows.ts'
import type { Act } from '../trip.ts'
import type { OrderAnswer } from './parcel.ts'
import { delivered, failed } from './parcel_end.ts'
import { arrived, pickedUp } from './parcel_steps.ts'
import { broughtBack } from './return_steps.ts'
import { readMe, type ShiftAnswer, type ShiftEffects, sayShift } from './shift.ts'
import { giveBack } from './take_away.ts'
import { acceptTrip, declineTrip, type TripAnswer } from './trip_steps.ts'

const strict = { additionalProperties: false }
const OneTrip = Type.Object({ trip_id: TripId })
const OneOrder = Type.Object({ order_id: OrderId })
const Decline = Type.Object({ reason: Type.Enum([...DECLINE_REASONS]) }, strict)
const Failed = Type.Object(
  {
    reason: Type.Enum([...FAIL_REASONS]),
    again: Type.Optional(Type.Boolean({ description: 'it will be tried once more on this trip; default false' })),
  },
  strict,
)
const Arrived = Type.Object({ at: StopKind }, strict)
/** Without a body: all of it. */
const PickedUp = Type.Union([Type.Object({ fulfilment_id: Type.Optional(FulfilmentId) }, strict), Type.Null()])
const { courier_id: _who, cell: _computed, ...shift } = courier_events['shift.started'].properties
const Shift = Type.Object({ ...shift, point: Type.Object(Point.properties, strict) }, strict)
const { courier_id: _whose, cell: _where, ...moved } = courier_events['courier.moved'].properties
const Moved = Type.Object({ ...moved, point: Type.Object(Point.properties, strict) }, strict)

/** For couriers, who speak of themselves only: the actor is the courier. Each word may be said again. */
export function addCourierRoutes(http: Http, effects: ShiftEffects): void {
  addShiftRoutes(http, effects)
  addTripRoutes(http, effects)
  const { app, requireScope } = http
  const { desk } = effects
  const preHandler = requireScope('courier')
  const order = { params: OneOrder }
  const me = '/v1/couriers/me/orders/:order_id'

  app.get(me, { preHandler, schema: order }, async request => {
    const { order_id } = request.params
    const found = await handoverOf(desk.pool, request.caller.tenant_id, { order_id, courier_id: courierOf(request) })
    if (!found) throw new HttpProblem(404, 'unknown_order', `you are not bringing the order ${order_id}`)
    return { ...orderView(found.order), contact: found.contact }
  })
  app.post(`${me}/arrived`, { preHandler, schema: { ...order, body: Arrived } }, async (request, reply) => {
    const place = { order_id: request.params.order_id, at: request.body.at }
    return sendOrder(request, reply, arrived(desk, actOf(request, desk), courierOf(request), place))
  })
  app.post(`${me}/picked_up`, { preHandler, schema: { ...order, body: PickedUp } }, async (request, reply) => {
    const { fulfilment_id = null } = request.body ?? {}
    const parcel = { order_id: request.params.order_id, fulfilment_id }
    return sendOrder(request, reply, pickedUp(desk, actOf(request, desk), courierOf(request), parcel))
  })
  app.post(`${me}/delivered`, { preHandler, schema: order }, async (request, reply) =>
    sendOrder(request, reply, delivered(desk, actOf(request, desk), courierOf(request), request.params.order_id)),
  )
  app.post(`${me}/failed`, { preHandler, schema: { ...order, body: Failed } }, async (request, reply) => {
    const { reason, again = false } = request.body
    const failing = { order_id: request.params.order_id, reason, again }
    return sendOrder(request, reply, failed(desk, actOf(request, desk), courierOf(request), failing))
  })
  app.post(`${me}/returned`, { preHandler, schema: order }, async (request, reply) => {
    const answer = await broughtBack(desk, actOf(request, desk), courierOf(request), request.params.order_id)
    if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
    return reply.send({ returns: answer.returns.map(returnView) })
  })
}

function addTripRoutes({ app, requireScope }: Http, { desk }: ShiftEffects): void {
  const preHandler = requireScope('courier')
  app.post('/v1/couriers/me/trips/:trip_id/accept', { preHandler, schema: { params: OneTrip } }, (request, reply) =>
    sendTrip(request, reply, acceptTrip(desk, actOf(request, desk), courierOf(request), request.params.trip_id)),
  )
  const why = { preHandler, schema: { params: OneTrip, body: Decline } }
  app.post('/v1/couriers/me/trips/:trip_id/decline', why, async (request, reply) => {
    const { trip_id } = request.params
    const { reason } = request.body
    return sendTrip(request, reply, declineTrip(desk, actOf(request, desk), courierOf(request), { trip_id, reason }))
  })
  app.post('/v1/couriers/me/trips/:trip_id/give_back', why, async (request, reply) => {
    const { trip_id } = request.params
    const { reason } = request.body
    return sendTrip(request, reply, giveBack(desk, actOf(request, desk), courierOf(request), { trip_id, reason }))
  })
}

function addShiftRoutes({ app, requireScope }: Http, effects: ShiftEffects): void {
  const { desk } = effects
  const preHandler = requireScope('courier')
  const me = (request: FastifyRequest, act: Act) => readMe(effects, act, courierOf(request))
  const said = async (request: FastifyRequest, reply: FastifyReply, answer: Promise<ShiftAnswer>) => {
    const done = await answer
    if (isRefused(done)) return sendRefused(reply, request, done.refused)
    return reply.code(done.published ? 202 : 200).send({ published: done.published })
  }
  app.get('/v1/couriers/me', { preHandler }, async request => me(request, actOf(request, desk)))
  app.post('/v1/couriers/me/shift', { preHandler, schema: { body: Shift } }, (request, reply) => {
    checkHours(request.body)
    const word = { act: 'start_shift', type: 'shift.started', data: request.body } as const
    return said(request, reply, sayShift(effects, actOf(request, desk), courierOf(request), word))
  })
  app.delete('/v1/couriers/me/shift', { preHandler }, (request, reply) => {
    const word = { act: 'end_shift', type: 'shift.ended', data: {} } as const
    return said(request, reply, sayShift(effects, actOf(request, desk), courierOf(request), word))
  })
  for (const [path, act, state] of [
    ['break', 'take_break', 'break'],
    ['resume', 'end_break', 'available'],
  ] as const) {
    app.post(`/v1/couriers/me/${path}`, { preHandler }, (request, reply) => {
      const word = { act, type: 'state.changed', data: { state } } as const
      return said(request, reply, sayShift(effects, actOf(request, desk), courierOf(request), word))
    })
  }
  app.post('/v1/couriers/me/position', { preHandler, schema: { body: Moved } }, async (request, reply) => {
    const data = { courier_id: courierOf(request), ...request.body }
    const { partition, offset } = await effects.publish({ type: 'courier.moved', data }, actOf(request, desk))
    return reply.code(202).send({ partition, offset: String(offset) })
  })
}

/** @throws HttpProblem 400 for a break that ends before it begins, or lies outside the shift */
function checkHours({ ends_at, breaks = [] }: Static<typeof Shift>): void {
  for (const [place, { from, to }] of breaks.entries()) {
    if (from < to && to <= (ends_at ?? to)) continue
    const detail = 'breaks must begin before they end, and end within the shift'
    throw new HttpProblem(400, 'wrong_shape', detail, { pointer: `/breaks/${place}` })
  }
}

async function sendTrip(
  request: FastifyRequest,
  reply: FastifyReply,
  step: Promise<TripAnswer>,
): Promise<FastifyReply> {
  const answer = await step
  if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
  return reply.send(tripView(answer.trip))
}

async function sendOrder(
  request: FastifyRequest,
  reply: FastifyReply,
  step: Promise<OrderAnswer>,
): Promise<FastifyReply> {
  const answer = await step
  if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
  return reply.send(orderView(answer.order))
}
