import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { OrderId, TripId } from '../ingest/events/envelope.ts'
import type { Http } from '../ingest/io/http.ts'
import { WithReason } from './contract.ts'
import {
  acceptTrip,
  declineTrip,
  delivered,
  failed,
  type OrderAnswer,
  pickedUp,
  type TripAnswer,
} from './courier_steps.ts'
import { type Desk, isRefused } from './desk.ts'
import { actOf, courierOf, sendRefused } from './door.ts'
import { orderView, tripView } from './rows.ts'

const OneTrip = Type.Object({ trip_id: TripId })
const OneOrder = Type.Object({ order_id: OrderId })

/** For couriers, who speak of themselves only: the actor is the courier. */
export function addCourierRoutes({ app, requireScope }: Http, desk: Desk): void {
  const preHandler = requireScope('courier')
  const trip = { preHandler, schema: { params: OneTrip } }
  const order = { preHandler, schema: { params: OneOrder } }

  app.post('/v1/couriers/me/trips/:trip_id/accept', trip, async (request, reply) =>
    sendTrip(request, reply, acceptTrip(desk, actOf(request, desk), courierOf(request), request.params.trip_id)),
  )
  const decline = { preHandler, schema: { params: OneTrip, body: WithReason } }
  app.post('/v1/couriers/me/trips/:trip_id/decline', decline, async (request, reply) => {
    const { trip_id } = request.params
    const { reason } = request.body
    return sendTrip(request, reply, declineTrip(desk, actOf(request, desk), courierOf(request), { trip_id, reason }))
  })
  app.post('/v1/couriers/me/orders/:order_id/picked_up', order, async (request, reply) =>
    sendOrder(request, reply, pickedUp(desk, actOf(request, desk), courierOf(request), request.params.order_id)),
  )
  app.post('/v1/couriers/me/orders/:order_id/delivered', order, async (request, reply) =>
    sendOrder(request, reply, delivered(desk, actOf(request, desk), courierOf(request), request.params.order_id)),
  )
  const fail = { preHandler, schema: { params: OneOrder, body: WithReason } }
  app.post('/v1/couriers/me/orders/:order_id/failed', fail, async (request, reply) => {
    const { order_id } = request.params
    const { reason } = request.body
    return sendOrder(request, reply, failed(desk, actOf(request, desk), courierOf(request), { order_id, reason }))
  })
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
