import { Type } from 'typebox'
import { ZoneId } from '../../ingest/events/envelope.ts'
import type { Http } from '../../ingest/io/http.ts'
import { HttpProblem } from '../../ingest/io/problem.ts'
import { ASSIGNMENT_MODES, HandReason } from '../contract.ts'
import { isRefused } from '../desk.ts'
import { actOf, idempotencyKeyOf, sendRefused, versionRequired } from '../door.ts'
import { ASSIGNMENT, readSetting, unsaid, ZONE_WEIGHTS } from '../io/zone_settings.ts'
import type { QueueEffects } from './queue_routes.ts'
import { changeSetting } from './zone_settings.ts'
import { weightsView, ZoneWeights } from './zone_weights.ts'

/** What people decide of a zone as a whole: how far couriers are assigned by themselves, and what plans are to be good at. */

export type ZoneEffects = Pick<QueueEffects, 'desk' | 'network' | 'suggestions'>

const strict = { additionalProperties: false }
const OneZone = Type.Object({ zone_id: ZoneId })
const Mode = Type.Object({ mode: Type.Enum([...ASSIGNMENT_MODES]), reason: HandReason }, strict)
const NewWeights = Type.Object({ weights: ZoneWeights, reason: HandReason }, strict)

/** @throws HttpProblem 404 for a zone that is not the tenant's */
type CheckZone = (tenant_id: string, zone_id: ZoneId) => void

export function addZoneRoutes(http: Http, effects: ZoneEffects): void {
  const own: CheckZone = (tenant_id, zone_id) => {
    if (effects.network().zones.get(zone_id)?.tenant_id !== tenant_id) {
      throw new HttpProblem(404, 'unknown_zone', `there is no zone ${zone_id}`)
    }
  }
  addAssignmentRoutes(http, effects, own)
  addWeightsRoutes(http, effects, own)
}

function addAssignmentRoutes({ app, requireScope }: Http, effects: ZoneEffects, own: CheckZone): void {
  const { desk, network, suggestions } = effects
  const preHandler = requireScope('dispatch')
  app.get('/v1/dispatch/zones', { preHandler }, async request => {
    const { tenant_id } = request.caller
    const said = await readSetting(desk.pool, ASSIGNMENT)
    return [...network().zones.values()]
      .filter(zone => zone.tenant_id === tenant_id)
      .map(({ zone_id, name }) => {
        const { tenant_id: _own, ...assignment } = said.get(zone_id) ?? unsaid(ASSIGNMENT, tenant_id, zone_id)
        return { name, ...assignment }
      })
  })
  const put = { preHandler, schema: { params: OneZone, body: Mode } }
  app.put('/v1/dispatch/zones/:zone_id/assignment', put, async (request, reply) => {
    const { zone_id } = request.params
    own(request.caller.tenant_id, zone_id)
    const version = versionRequired(request, 'assignment of the zone')
    const { mode, reason } = request.body
    const command = { zone_id, value: { mode }, reason, version, idempotency_key: idempotencyKeyOf(request) }
    const answer = await changeSetting(desk, actOf(request, desk), ASSIGNMENT, command)
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

function addWeightsRoutes({ app, requireScope }: Http, { desk }: ZoneEffects, own: CheckZone): void {
  const preHandler = requireScope('dispatch')
  const path = '/v1/dispatch/zones/:zone_id/weights'
  app.get(path, { preHandler, schema: { params: OneZone } }, async (request, reply) => {
    const { tenant_id } = request.caller
    const { zone_id } = request.params
    own(tenant_id, zone_id)
    const row = (await readSetting(desk.pool, ZONE_WEIGHTS)).get(zone_id) ?? unsaid(ZONE_WEIGHTS, tenant_id, zone_id)
    return reply.header('etag', `"${row.version}"`).send(weightsView(row))
  })
  app.put(path, { preHandler, schema: { params: OneZone, body: NewWeights } }, async (request, reply) => {
    const { zone_id } = request.params
    own(request.caller.tenant_id, zone_id)
    const version = versionRequired(request, 'weights of the zone')
    const { weights, reason } = request.body
    const command = { zone_id, value: { weights }, reason, version, idempotency_key: idempotencyKeyOf(request) }
    const answer = await changeSetting(desk, actOf(request, desk), ZONE_WEIGHTS, command)
    if (isRefused(answer)) return sendRefused(reply, request, answer.refused)
    return reply.header('etag', `"${answer.done.version}"`).send(weightsView(answer.done))
  })
}
