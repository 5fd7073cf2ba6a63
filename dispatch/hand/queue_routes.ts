import { Type } from 'typebox'
import { CourierId, WarehouseId, ZoneId } from '../../ingest/events/envelope.ts'
import { DEFAULT_POLICY } from '../../ingest/events/network.ts'
import type { Http } from '../../ingest/io/http.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'
import { ATTENTIONS, DECLINE_REASONS, FAIL_REASONS, HAND_REASONS, ORDER_STATES } from '../contract.ts'
import { NO_DUTY, readDuties } from '../io/duties.ts'
import { queuedOrders } from '../io/queue.ts'
import type { Suggestions } from '../round/suggestions.ts'
import { greatCircle } from '../travel.ts'
import type { HandEffects } from './commands.ts'
import { liveFleet } from './commands.ts'
import { stateOf } from './fitness.ts'
import { decodeCursor, pageOf } from './queue.ts'

/** What dispatchers look at: the queue, and the couriers. */

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
const OfZone = Type.Object({ zone_id: Type.Optional(ZoneId) })
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
  app.get('/v1/dispatch/couriers', { preHandler, schema: { querystring: OfZone } }, async request => {
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
}

/** @throws HttpProblem 503 while Redis is away */
async function courierStates(effects: QueueEffects, tenant_id: string) {
  const { desk, silent_s_max } = effects
  const [fleet, duties] = await Promise.all([liveFleet(effects), readDuties(desk.pool, tenant_id)])
  const known = new Map(fleet.filter(one => one.tenant_id === tenant_id).map(one => [one.courier_id as string, one]))
  return (courier_id: string) =>
    stateOf(known.get(courier_id), duties.get(courier_id) ?? NO_DUTY, { now: desk.now(), silent_s_max })
}
