import { type TNumber, type TOptional, Type } from 'typebox'
import { type Desk, type Refused, refuse } from './desk.ts'
import { addAudit } from './io/audit.ts'
import { lockWeights, saveWeights, type WeightsRow } from './io/weights.ts'
import { type Answered, once } from './once.ts'
import { WEIGHTS, type Weights } from './solver/objective.ts'
import type { Act } from './trip.ts'

/** What a zone's plans are to be good at is the zone's to say: each weight of the objective, where the usual one does not suit. */

const WEIGHT_MAX = 100_000
/** With less, leaving an order lying could be better than a long ride. */
const UNDELIVERED_MIN = 200

const lowest = (name: string): number => (name === 'undelivered' ? UNDELIVERED_MIN : 0)
const schemas = Object.entries(WEIGHTS).map(([name, usual]) => {
  const description = `of the objective, in weighted minutes; usually ${usual}`
  return [name, Type.Optional(Type.Number({ minimum: lowest(name), maximum: WEIGHT_MAX, description }))]
})

/** Weights by name: what is left out is as usual. */
export const ZoneWeights = Type.Object(Object.fromEntries(schemas) as { [Name in keyof Weights]: TOptional<TNumber> }, {
  additionalProperties: false,
})

/** What holds in a zone, and what of it the zone has set. */
export const weightsView = ({ tenant_id: _own, weights, ...row }: WeightsRow) => ({
  ...row,
  set: weights,
  weights: { ...WEIGHTS, ...weights },
})

export interface WeightsCommand {
  zone_id: string
  weights: Partial<Weights>
  reason: string
  /** from If-Match */
  version: number
  idempotency_key: string | null
}

/** Replaces all that the zone has set; the next round plans with it. */
export function setZoneWeights(desk: Desk, act: Act, command: WeightsCommand): Promise<Answered<WeightsRow>> {
  const { zone_id, weights, reason, version, idempotency_key } = command
  const request = { zone_id, weights, reason, version }
  return once(desk, act, { action: 'zone.weights', idempotency_key, request }, async client => {
    const before = await lockWeights(client, act.tenant_id, zone_id)
    if (before.version !== version) return changedMeanwhile(before, version)
    const after: WeightsRow = {
      ...{ ...before, weights, reason, version: version + 1 },
      ...{ updated_at: act.now, changed_by: act.actor },
    }
    await saveWeights(client, after)
    const audit = { action: 'zone.weights', subject: `zone:${zone_id}`, reason, before, after, idempotency_key }
    await addAudit(client, act, audit)
    return { done: after }
  })
}

function changedMeanwhile(row: WeightsRow, seen: number): { refused: Refused } {
  const detail = `the weights of ${row.zone_id} are at version ${row.version}, you saw ${seen}: look again`
  const { refused } = refuse(409, 'changed', detail)
  return { refused: { ...refused, changed_by: row.changed_by, changed_at: row.updated_at } }
}
