import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { CourierId, OrderId, Reason } from '../../ingest/events/envelope.ts'
import type { Http } from '../../ingest/io/http.ts'
import { type Desk, isRefused } from '../desk.ts'
import { actOf, courierOf, sendRefused, versionRequired } from '../door.ts'
import { openReturns } from '../io/returns.ts'
import { returnView } from '../rows.ts'
import { askForReturn, settleReturn } from './return_steps.ts'

const OneOrder = Type.Object({ order_id: OrderId })
const OneReturn = Type.Object({ return_id: Type.String({ maxLength: 64 }) })
const Collected = Type.Object({ courier_id: CourierId }, { additionalProperties: false })
const Ask = Type.Object({ reason: Reason }, { additionalProperties: false })

/** For dispatchers, warehouses and the couriers who collect them: goods that come back. */
export function addReturnRoutes({ app, requireScope }: Http, desk: Desk): void {
  const preHandler = requireScope('dispatch')
  app.get('/v1/dispatch/returns', { preHandler }, async request =>
    (await openReturns(desk.pool, request.caller.tenant_id, null)).map(returnView),
  )
  const ask = { preHandler, schema: { params: OneOrder, body: Ask } }
  app.post('/v1/dispatch/orders/:order_id/returns', ask, async (request, reply) => {
    const asked = { order_id: request.params.order_id, reason: request.body.reason }
    const answer = await askForReturn(desk, actOf(request, desk), asked)
    if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
    return { returns: answer.returns.map(returnView) }
  })
  for (const event of ['received', 'lost', 'withdrawn'] as const) {
    const settle = { preHandler, schema: { params: OneReturn } }
    app.post(`/v1/dispatch/returns/:return_id/${event}`, settle, async (request, reply) => {
      const { return_id } = request.params
      const asked = { return_id, event, version: versionRequired(request, 'return') }
      return sendReturn(request, reply, await settleReturn(desk, actOf(request, desk), asked))
    })
  }
  const collected = { preHandler, schema: { params: OneReturn, body: Collected } }
  app.post('/v1/dispatch/returns/:return_id/collected', collected, async (request, reply) => {
    const { return_id } = request.params
    const { courier_id } = request.body
    const asked = { return_id, event: 'collected', version: versionRequired(request, 'return'), courier_id } as const
    return sendReturn(request, reply, await settleReturn(desk, actOf(request, desk), asked))
  })
  const own = { preHandler: requireScope('courier'), schema: { params: OneReturn } }
  app.post('/v1/couriers/me/returns/:return_id/collected', own, async (request, reply) => {
    const { return_id } = request.params
    const asked = { return_id, event: 'collected', version: null, courier_id: courierOf(request) } as const
    return sendReturn(request, reply, await settleReturn(desk, actOf(request, desk), asked))
  })
}

function sendReturn(request: FastifyRequest, reply: FastifyReply, answer: Awaited<ReturnType<typeof settleReturn>>) {
  if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
  return reply.header('etag', `"${answer.row.version}"`).send(returnView(answer.row))
}
