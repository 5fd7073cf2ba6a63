import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { CourierId, OrderId, type WarehouseId } from '../../ingest/events/envelope.ts'
import { DEFAULT_POLICY } from '../../ingest/events/network.ts'
import type { Http } from '../../ingest/io/http.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'
import { HandReason, Onto } from '../contract.ts'
import { isRefused } from '../desk.ts'
import { actOf, idempotencyKeyOf, sendRefused, versionRequired } from '../door.ts'
import { readOrder } from '../io/book.ts'
import { readDuties } from '../io/duties.ts'
import { declinedFor } from '../io/trips.ts'
import { greatCircle } from '../travel.ts'
import type { Act } from '../trip.ts'
import { courierChoices } from './choices.ts'
import { type CommandDone, command, type HandEffects, liveFleet, type OrderCommand } from './commands.ts'
import type { Answered } from './once.ts'

/**
 * The dispatchers' hand over HTTP. Each command names the version that the dispatcher saw (If-Match, or in the body where
 * there are several) and may carry an Idempotency-Key: asked again with it, also after a crash, it answers what became of it.
 */

const OneOrder = Type.Object({ order_id: OrderId })
const Version = Type.Integer({ minimum: 0, description: 'of the order, as it was seen' })
const strict = { additionalProperties: false }

const ToCourier = {
  courier_id: CourierId,
  reason: HandReason,
  pin: Type.Optional(Type.Boolean({ description: 'the solver leaves it alone; default true' })),
  onto: Type.Optional(Onto),
  overrule: Type.Optional(Type.Boolean({ description: 'in spite of a break, missing equipment and the like' })),
}
const Assign = Type.Object(ToCourier, strict)
const Only = Type.Object({ reason: HandReason }, strict)
const Orders = Type.Array(Type.Object({ order_id: OrderId, version: Version }, strict), { minItems: 1, maxItems: 50 })
const Move = Type.Object({ orders: Orders, ...ToCourier }, strict)
const Undo = Type.Object({ orders: Orders, reason: HandReason }, strict)

const GIVING = ['assign', 'reassign'] as const
const TAKING = ['unassign', 'pin', 'unpin', 'undo'] as const
const BULK_MAX = 100

const BulkRow = Type.Union([
  Type.Object(
    { action: Type.Union(GIVING.map(one => Type.Literal(one))), order_id: OrderId, version: Version, ...ToCourier },
    strict,
  ),
  Type.Object(
    {
      action: Type.Union(TAKING.map(one => Type.Literal(one))),
      ...{ order_id: OrderId, version: Version, reason: HandReason },
    },
    strict,
  ),
])
const Bulk = Type.Object({ commands: Type.Array(BulkRow, { minItems: 1, maxItems: BULK_MAX }) }, strict)

export function addHandRoutes(http: Http, effects: HandEffects): void {
  const { app, requireScope } = http
  const { desk } = effects
  const preHandler = requireScope('dispatch')
  const run = (act: Act, key: string | null, asked: OrderCommand) => command(effects, act, key, asked)

  for (const action of GIVING) {
    const route = { preHandler, schema: { params: OneOrder, body: Assign } }
    app.post(`/v1/dispatch/orders/:order_id/${action}`, route, async (request, reply) => {
      const { order_id } = request.params
      const asked: OrderCommand = { action, order_id, version: versionRequired(request, 'order'), ...request.body }
      return sendOne(request, reply, await run(actOf(request, desk), idempotencyKeyOf(request), asked))
    })
  }
  for (const action of TAKING) {
    const route = { preHandler, schema: { params: OneOrder, body: Only } }
    app.post(`/v1/dispatch/orders/:order_id/${action}`, route, async (request, reply) => {
      const { order_id } = request.params
      const { reason } = request.body
      const asked = commandOf(action, { order_id, version: versionRequired(request, 'order'), reason })
      return sendOne(request, reply, await run(actOf(request, desk), idempotencyKeyOf(request), asked))
    })
  }
  app.post('/v1/dispatch/move', { preHandler, schema: { body: Move } }, async (request, reply) => {
    const asked: OrderCommand = { action: 'move', ...request.body }
    const answer = await run(actOf(request, desk), idempotencyKeyOf(request), asked)
    if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
    return sayRepeated(reply, answer).send(answer.done)
  })
  app.post('/v1/dispatch/undo', { preHandler, schema: { body: Undo } }, async (request, reply) => {
    const asked: OrderCommand = { action: 'undo', ...request.body }
    const answer = await run(actOf(request, desk), idempotencyKeyOf(request), asked)
    if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
    return sayRepeated(reply, answer).send(answer.done)
  })
  app.post('/v1/dispatch/bulk', { preHandler, schema: { body: Bulk } }, async request => {
    const key = idempotencyKeyOf(request)
    return { results: await runBulk(request.body.commands, key, (asked, own) => run(actOf(request, desk), own, asked)) }
  })
  addChoicesRoute(http, effects)
}

type Taking = (typeof TAKING)[number]

const isTaking = <Command extends { action: string }>(asked: Command): asked is Extract<Command, { action: Taking }> =>
  TAKING.some(action => action === asked.action)

/** A command without a courier; undo is the only one of them that may be of several orders. */
function commandOf(action: Taking, one: { order_id: string; version: number; reason: string }): OrderCommand {
  const { order_id, version, reason } = one
  return action === 'undo' ? { action, orders: [{ order_id, version }], reason } : { action, order_id, version, reason }
}

function sayRepeated(reply: FastifyReply, { repeated }: Answered<CommandDone>): FastifyReply {
  return repeated ? reply.header('idempotency-replayed', 'true') : reply
}

function sendOne(request: FastifyRequest, reply: FastifyReply, answer: Answered<CommandDone>): FastifyReply {
  const told = sayRepeated(reply, answer)
  if (isRefused(answer)) return sendRefused(told, request, answer.refused)
  const [order] = answer.done.orders
  return told.header('etag', `"${order?.version}"`).send(order)
}

/**
 * One after the other, each a command of its own: a row that is refused changes nothing of the others. A row's key is the
 * whole's with its number, so that asking again goes on where a crash came between.
 */
async function runBulk(
  commands: readonly Static<typeof BulkRow>[],
  key: string | null,
  run: (asked: OrderCommand, key: string | null) => Promise<Answered<CommandDone>>,
) {
  const results = []
  for (const [row, asked] of commands.entries()) {
    const own = key === null ? null : `${key}#${row}`
    const answer = await run(isTaking(asked) ? commandOf(asked.action, asked) : asked, own).catch((error: unknown) => ({
      failed: failureOf(error),
    }))
    if ('failed' in answer) results.push({ row, ...answer.failed })
    else if (isRefused(answer)) results.push({ row, ...answer.refused })
    else results.push({ row, status: 200, order: answer.done.orders[0] })
  }
  return results
}

/** @throws what is no answer: then the whole may be asked again with its key */
function failureOf(error: unknown) {
  if (!(error instanceof HttpProblem)) throw error
  return { status: error.statusCode, reason: error.reason, detail: error.message }
}

function addChoicesRoute({ app, requireScope }: Http, effects: HandEffects): void {
  const { desk, network, silent_s_max } = effects
  const route = { preHandler: requireScope('dispatch'), schema: { params: OneOrder } }
  app.get('/v1/dispatch/orders/:order_id/couriers', route, async request => {
    const { tenant_id } = request.caller
    const { order_id } = request.params
    const now = desk.now()
    const found = await readOrder(desk.pool, tenant_id, order_id)
    if (!found) throw new HttpProblem(404, 'unknown_order', `there is no order ${order_id}`)
    const [fleet, duties, declined] = await Promise.all([
      liveFleet(effects),
      readDuties(desk.pool, tenant_id),
      declinedFor(desk.pool, { tenant_id, order_id, now }),
    ])
    const { warehouses, zones } = network()
    const policy = zones.get(found.order.zone_id)?.policy ?? DEFAULT_POLICY
    const { handover_s } = policy
    return courierChoices(found.order, {
      ...{ now, duties, silent_s_max },
      fleet: fleet.filter(courier => courier.tenant_id === tenant_id),
      declined: new Set(declined),
      way: { travel: greatCircle(policy), handover_s, pointOf: id => warehouses.get(id as WarehouseId)?.point },
    })
  })
}
