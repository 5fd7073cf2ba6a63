import { type TNumber, type TOptional, Type } from 'typebox'
import type { WeightsRow } from '../io/zone_settings.ts'
import { WEIGHTS, type Weights } from '../solver/objective.ts'

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
