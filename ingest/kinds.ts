import type { TObject, TSchema } from 'typebox'
import { operations_events, type Topic } from './contract.ts'
import { courier_events } from './events/couriers.ts'
import { delivery_events } from './events/deliveries.ts'
import { type Family, without } from './events/envelope.ts'
import { type Shape, shapeOf } from './io/shape.ts'

/** What there is to know of each type of event before one can be accepted: its topic, its shape, what tells its zone. */

/**
 * What tells an event's zone: the zone of `data.warehouse_id`, the area that `data.point` lies in, a courier's place if it
 * has one, or only what the sender says.
 */
export type PlacedBy = 'warehouse' | 'point' | 'courier' | 'sender'

export interface Kind {
  topic: Topic
  /** `data` as a sender writes it: strict, and without the cells that ingest computes */
  shape: Shape<unknown>
  placed_by: PlacedBy
  /** where a `cell` belongs beside a `point`: in the data itself, in `data.order`, nowhere */
  cell_in: 'data' | 'order' | undefined
}

/** Compiled once, when the module is loaded: some 15 ms. */
export const KINDS: ReadonlyMap<string, Kind> = new Map([
  ...kindsOf('operations', operations_events),
  ...kindsOf('couriers', courier_events),
  ...kindsOf('deliveries', delivery_events),
])

function kindsOf(topic: Topic, family: Family): [string, Kind][] {
  return Object.entries(family).map(([type, schema]) => [type, kindOf(topic, type, schema as TObject)])
}

function kindOf(topic: Topic, type: string, schema: TObject): Kind {
  const { cell, order } = schema.properties as Record<string, TSchema | undefined>
  const cell_in = cell ? 'data' : order ? 'order' : undefined
  return { topic, shape: shapeOf(asSent(schema)), placed_by: placedBy(topic, type, schema), cell_in }
}

function placedBy(topic: Topic, type: string, schema: TObject): PlacedBy {
  if (topic === 'couriers') return 'courier'
  if (type === 'order.placed' || type === 'hold.asked') return 'point'
  // An event without fields has no list of required ones.
  const required: readonly string[] | undefined = schema.required
  return required?.includes('warehouse_id') ? 'warehouse' : 'sender'
}

function asSent(schema: TObject): TObject {
  const { order } = schema.properties as { order?: TObject }
  const sent = without(schema, ['cell'])
  return order ? { ...sent, properties: { ...sent.properties, order: without(order, ['cell']) } } : sent
}
