import type { Queryable } from '../../ingest/io/postgres.ts'
import type { LearnedTime, LearnedTimes, LearnedWhat } from '../etas/preparation.ts'

/** What was learnt of warehouses. Whoever changes several rows takes them in the order of their keys. */

export interface LearnedKey {
  tenant_id: string
  warehouse_id: string
  what: LearnedWhat
}

export type LearnedRow = LearnedKey & LearnedTime & { updated_at: number }

/** Nobody else learns of these warehouses until the transaction ends. What nothing is known of yet is left out. */
export async function lockLearned(client: Queryable, keys: readonly LearnedKey[]): Promise<LearnedRow[]> {
  const { rows } = await client.query<LearnedRow>(
    `SELECT l.* FROM learned_times l
     JOIN jsonb_to_recordset($1::jsonb) AS k (tenant_id text, warehouse_id text, what text) USING (tenant_id, warehouse_id, what)
     ORDER BY tenant_id, warehouse_id, what FOR UPDATE OF l`,
    [JSON.stringify(keys)],
  )
  return rows
}

export async function saveLearned(client: Queryable, rows: readonly LearnedRow[]): Promise<void> {
  await client.query(
    `INSERT INTO learned_times
     SELECT * FROM jsonb_populate_recordset(NULL::learned_times, $1::jsonb) ORDER BY tenant_id, warehouse_id, what
     ON CONFLICT (tenant_id, warehouse_id, what) DO UPDATE SET seen = EXCLUDED.seen, mean_s = EXCLUDED.mean_s,
       variance_s2 = EXCLUDED.variance_s2, updated_at = EXCLUDED.updated_at`,
    [JSON.stringify(rows)],
  )
}

/** Orders that a warehouse was given. */
export interface DemandSample {
  tenant_id: string
  warehouse_id: string
  orders: number
  at: number
}

/** Time constant with which an order fades from the demand, s of business time. */
export const FADING_S = 1_200

/** What was there fades until the new ones come. */
export async function addDemand(client: Queryable, samples: readonly DemandSample[]): Promise<void> {
  await client.query(
    `INSERT INTO warehouse_demand AS d
     SELECT tenant_id, warehouse_id, orders, at
     FROM jsonb_to_recordset($1::jsonb) AS s (tenant_id text, warehouse_id text, orders double precision, at bigint)
     ORDER BY tenant_id, warehouse_id
     ON CONFLICT (tenant_id, warehouse_id) DO UPDATE SET as_of = greatest(d.as_of, EXCLUDED.as_of),
       recent = d.recent * exp(-greatest(0, EXCLUDED.as_of - d.as_of) / ${1_000 * FADING_S}.0) + EXCLUDED.recent`,
    [JSON.stringify(samples)],
  )
}

/** All that is known, by tenant and warehouse. */
export interface Learned {
  times(tenant_id: string, warehouse_id: string): LearnedTimes
  /** orders an hour of late; 0: none are known of */
  ordersPerHour(tenant_id: string, warehouse_id: string, now: number): number
}

export async function readLearned(client: Queryable): Promise<Learned> {
  const times = await client.query<LearnedRow>('SELECT * FROM learned_times')
  const demand = await client.query<{ tenant_id: string; warehouse_id: string; recent: number; as_of: number }>(
    'SELECT * FROM warehouse_demand',
  )
  const keyOf = (tenant_id: string, warehouse_id: string): string => `${tenant_id}/${warehouse_id}`
  const by_warehouse = new Map<string, LearnedTimes>()
  for (const { tenant_id, warehouse_id, what, seen, mean_s, variance_s2 } of times.rows) {
    const key = keyOf(tenant_id, warehouse_id)
    by_warehouse.set(key, { ...by_warehouse.get(key), [what]: { seen, mean_s, variance_s2 } })
  }
  const demanded = new Map(demand.rows.map(row => [keyOf(row.tenant_id, row.warehouse_id), row]))
  return {
    times: (tenant_id, warehouse_id) => by_warehouse.get(keyOf(tenant_id, warehouse_id)) ?? {},
    ordersPerHour(tenant_id, warehouse_id, now) {
      const row = demanded.get(keyOf(tenant_id, warehouse_id))
      if (!row) return 0
      const faded = row.recent * Math.exp(-Math.max(0, now - row.as_of) / 1_000 / FADING_S)
      return (faded * 3_600) / FADING_S
    },
  }
}
