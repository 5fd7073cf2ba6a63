import type { Queryable } from '../../ingest/io/postgres.ts'
import {
  addDemand,
  type DemandSample,
  type LearnedKey,
  type LearnedRow,
  lockLearned,
  saveLearned,
} from '../io/learned.ts'
import type { OrderDecision } from '../orders/project.ts'
import type { OrderRow } from '../rows.ts'
import { type LearnedWhat, learnTime } from './preparation.ts'

/** What one batch of decisions teaches of the warehouses; written with the batch, so that no decision teaches twice. */

export type TimeSample = LearnedKey & { sample_s: number; at: number }

export interface Lessons {
  times: TimeSample[]
  demand: DemandSample[]
}

export const noLessons = (): Lessons => ({ times: [], demand: [] })

/** @param before the order as it was before the decision */
export function takeLesson(
  lessons: Lessons,
  before: OrderRow | undefined,
  after: OrderRow,
  decision: OrderDecision,
): void {
  const { tenant_id } = after
  if (decision.type === 'order.routed' || decision.type === 'order.rerouted') {
    for (const { warehouse_id } of decision.fulfilments) {
      lessons.demand.push({ tenant_id, warehouse_id, orders: 1, at: after.updated_at })
    }
  }
  if (decision.type === 'order.packed' && before) lessons.times.push(...timesOf(before, decision))
}

function timesOf(
  { tenant_id, attempt, placed_at, fulfilments }: OrderRow,
  { fulfilment_id, packed_at }: Extract<OrderDecision, { type: 'order.packed' }>,
): TimeSample[] {
  const part = fulfilments.find(one => one.fulfilment_id === fulfilment_id)
  if (!part || part.packed_at !== null) return []
  const { warehouse_id, ready_at, planned_ready_at = ready_at } = part
  const since = (what: LearnedWhat, at: number): TimeSample => ({
    ...{ tenant_id, warehouse_id, what, at: packed_at },
    sample_s: (packed_at - at) / 1_000,
  })
  const samples = [since('plan_error', planned_ready_at)]
  if (part.state === 'picking') samples.push(since('picking_error', ready_at))
  // Work on an order for a window begins when it must, and on what was moved, when it came.
  if (part.start_at === undefined && attempt === 1) samples.push(since('preparation', placed_at))
  return samples
}

const keyOf = ({ tenant_id, warehouse_id, what }: LearnedKey): string => `${tenant_id}/${warehouse_id}/${what}`

export async function learn(client: Queryable, { times, demand }: Lessons): Promise<void> {
  if (times.length > 0) {
    const known = new Map<string, LearnedRow>((await lockLearned(client, times)).map(row => [keyOf(row), row]))
    for (const { sample_s, at, ...key } of times) {
      known.set(keyOf(key), { ...key, ...learnTime(known.get(keyOf(key)), sample_s), updated_at: at })
    }
    await saveLearned(client, [...known.values()])
  }
  if (demand.length > 0) await addDemand(client, summed(demand))
}

/** One row a warehouse. */
function summed(samples: readonly DemandSample[]): DemandSample[] {
  const by_warehouse = Map.groupBy(samples, ({ tenant_id, warehouse_id }) => `${tenant_id}/${warehouse_id}`)
  return [...by_warehouse.values()].map(group => ({
    ...(group[0] as DemandSample),
    orders: group.length,
    at: Math.max(...group.map(one => one.at)),
  }))
}
