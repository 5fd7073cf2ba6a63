import { Type } from 'typebox'
import { CourierId, WarehouseId, ZoneId } from '../ingest/events/envelope.ts'
import { DEFAULT_POLICY } from '../ingest/events/network.ts'
import type { Http } from '../ingest/io/http.ts'
import { HttpProblem } from '../ingest/io/problem.ts'
import { type Suggestions, setAssignmentMode } from './assignment_mode.ts'
import type { HandEffects } from './commands.ts'
import { liveFleet } from './commands.ts'
import {
  ASSIGNMENT_MODES,
  ATTENTIONS,
  DECLINE_REASONS,
  FAIL_REASONS,
  HAND_REASONS,
  HandReason,
  ORDER_STATES,
} from './contract.ts'
import { isRefused } from './desk.ts'
import { actOf, idempotencyKeyOf, sendRefused, versionRequired } from './door.ts'
import { stateOf } from './fitness.ts'
import { readAssignments, unsaid } from './io/assignment.ts'
import { NO_DUTY, readDuties } from './io/duties.ts'
import { queuedOrders } from './io/queue.ts'
import { decodeCursor, pageOf } from './queue.ts'
import { greatCircle } from './travel.ts'

/** What dispatchers look at: the queue, the couriers, and how far each zone is assigned by itself. */

export interface QueueEffects extends HandEffects {
  suggestions: Suggestions
  /** an offer older than this is not answered, s of business time */
  offer_s: number
}

const literals = <Text extends string>(texts: readonly Text[]) => Type.Enum([...texts])

const Question = Type.Object({
  zone_id: Type.Optional(ZoneId),
  warehouse_id: Type.Optional(WarehouseId),
  courier_id: Type.Optional(CourierId),
  state: Type.Optional(Type.Array(literals(ORDER_STATES), { maxItems: 9, uniqueItems: true })),
  assigned: Type.Optional(literals(['none', 'planned', 'offered', 'accepted', 'under_way'])),
  attention: Type.Optional(literals(ATTENTIONS)),
  pinned: Type.Optional(Type.Boolean()),
  slack_s_max: Type.Optional(Type.Integer({ description: 'only what has no more to spare than this, s' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'rows of a page; default 50' })),
  cursor: Type.Optional(Type.String({ maxLength: 200, description: 'next_cursor of the page before' })),
})
const OneZone = Type.Object({ zone_id: ZoneId })
const Mode = Type.Object({ mode: literals(ASSIGNMENT_MODES), reason: HandReason }, { additionalProperties: false })
const LIMIT = 50

export function addQueueRoutes(http: Http, effects: QueueEffects): void {
  const { app, requireScope } = http
  const { desk } = effects
  const preHandler = requireScope('dispatch')
  app.get('/v1/dispatch/queue', { preHandler, schema: { querystring: Question } }, async request => {
    const { cursor: text, limit = LIMIT, ...filters } = request.query
    const cursor = text === undefined ? undefined : decodeCursor(text)
    if (text !== undefined && !cursor) {
      throw new HttpProblem(400, 'wrong_shape', 'cursor must be next_cursor of another page', { pointer: '/cursor' })
    }
    const { tenant_id } = request.caller
    const [orders, stateOfCourier] = await Promise.all([
      queuedOrders(desk.pool, tenant_id, filters.zone_id ?? null),
      courierStates(effects, tenant_id).catch(() => undefined),
    ])
    const { zones, warehouses } = effects.network()
    return pageOf(
      orders,
      { ...filters, limit, ...(cursor && { cursor }) },
      {
        now: desk.now(),
        offer_s: effects.offer_s,
        travelOf: id => greatCircle(zones.get(id as ZoneId)?.policy ?? DEFAULT_POLICY),
        pointOf: id => warehouses.get(id as WarehouseId)?.point,
        courierState: stateOfCourier,
        suggestionOf: effects.suggestions.courierFor,
      },
    )
  })
  app.get('/v1/dispatch/couriers', { preHandler, schema: { querystring: Type.Partial(OneZone) } }, async request => {
    const { tenant_id } = request.caller
    const [fleet, duties] = await Promise.all([liveFleet(effects), readDuties(desk.pool, tenant_id)])
    const at = { now: desk.now(), silent_s_max: effects.silent_s_max }
    return fleet
      .filter(one => one.tenant_id === tenant_id && (one.zone_id === request.query.zone_id || !request.query.zone_id))
      .sort((a, b) => (a.courier_id < b.courier_id ? -1 : 1))
      .map(({ tenant_id: _own, state: _said, ...courier }) => {
        const duty = duties.get(courier.courier_id) ?? NO_DUTY
        const { trip, planned, load, returns } = duty
        const state = stateOf({ state: _said, seen_at: courier.seen_at }, duty, at)
        return {
          ...courier,
          state,
          load,
          returns,
          trip_id: trip?.trip_id ?? null,
          planned: planned.map(one => one.trip_id),
        }
      })
  })
  app.get('/v1/dispatch/reasons', { preHandler }, async () => ({
    hand: HAND_REASONS,
    decline: DECLINE_REASONS,
    failed: FAIL_REASONS,
  }))
  addZoneRoutes(http, effects)
}

/** @throws HttpProblem 503 while Redis is away */
async function courierStates(effects: QueueEffects, tenant_id: string) {
  const { desk, silent_s_max } = effects
  const [fleet, duties] = await Promise.all([liveFleet(effects), readDuties(desk.pool, tenant_id)])
  const known = new Map(fleet.filter(one => one.tenant_id === tenant_id).map(one => [one.courier_id as string, one]))
  return (courier_id: string) =>
    stateOf(known.get(courier_id), duties.get(courier_id) ?? NO_DUTY, { now: desk.now(), silent_s_max })
}

function addZoneRoutes({ app, requireScope }: Http, effects: QueueEffects): void {
  const { desk, network, suggestions } = effects
  const preHandler = requireScope('dispatch')
  const own = (tenant_id: string, zone_id: ZoneId): void => {
    if (network().zones.get(zone_id)?.tenant_id !== tenant_id) {
      throw new HttpProblem(404, 'unknown_zone', `there is no zone ${zone_id}`)
    }
  }
  app.get('/v1/dispatch/zones', { preHandler }, async request => {
    const { tenant_id } = request.caller
    const said = await readAssignments(desk.pool)
    return [...network().zones.values()]
      .filter(zone => zone.tenant_id === tenant_id)
      .map(({ zone_id, name }) => {
        const { tenant_id: _own, ...assignment } = said.get(zone_id) ?? unsaid(tenant_id, zone_id)
        return { name, ...assignment }
      })
  })
  const put = { preHandler, schema: { params: OneZone, body: Mode } }
  app.put('/v1/dispatch/zones/:zone_id/assignment', put, async (request, reply) => {
    const { zone_id } = request.params
    own(request.caller.tenant_id, zone_id)
    const version = versionRequired(request, 'assignment of the zone')
    const idempotency_key = idempotencyKeyOf(request)
    const command = { zone_id, ...request.body, version, idempotency_key }
    const answer = await setAssignmentMode(desk, actOf(request, desk), command)
    if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
    const { tenant_id: _own, ...assignment } = answer.done
    return reply.header('etag', `"${assignment.version}"`).send(assignment)
  })
  app.get('/v1/dispatch/zones/:zone_id/suggestions', { preHandler, schema: { params: OneZone } }, async request => {
    own(request.caller.tenant_id, request.params.zone_id)
    const { as_of, trips } = suggestions.of(request.params.zone_id) ?? { as_of: null, trips: [] }
    return { as_of, trips }
  })
}
