import { Client } from 'pg'
import type { ServerUrls } from '../servers/config.ts'
import { ACTOR } from './dispatcher.ts'

/** The book's rows held against each other: whatever happened in whatever order, they must tell the same. */

/** What is wrong → the ids of which it is wrong. */
const FAULTS: Record<string, string> = {
  'an open order names a trip that does not carry it': `
    SELECT o.order_id AS id FROM orders o WHERE o.closed_at IS NULL AND o.trip_id IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM trip_orders t WHERE t.tenant_id = o.tenant_id AND t.trip_id = o.trip_id
        AND t.order_id = o.order_id AND t.active)`,
  'an order and its trip name different couriers': `
    SELECT o.order_id AS id FROM orders o JOIN trips t USING (tenant_id, trip_id)
    WHERE o.courier_id IS DISTINCT FROM t.courier_id`,
  'a trip carries an order that names another trip, or is closed': `
    SELECT t.trip_id || '/' || t.order_id AS id FROM trip_orders t JOIN orders o USING (tenant_id, order_id)
    WHERE t.active AND (o.trip_id IS DISTINCT FROM t.trip_id OR o.closed_at IS NOT NULL)`,
  'a trip is open and carries nothing, or is over and carries something': `
    SELECT trip_id AS id FROM trips t WHERE (state NOT IN ('done', 'cancelled')) <> EXISTS (
      SELECT 1 FROM trip_orders o WHERE o.tenant_id = t.tenant_id AND o.trip_id = t.trip_id AND o.active)`,
  'a trip carries an order without a stop at its door': `
    SELECT o.trip_id || '/' || o.order_id AS id FROM trip_orders o JOIN trips t USING (tenant_id, trip_id)
    WHERE o.active AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(t.stops) stop
      WHERE stop ->> 'kind' = 'dropoff' AND stop ->> 'order_id' = o.order_id AND NOT stop ? 'done_at')`,
  'a trip is planned after none': `
    SELECT trip_id AS id FROM trips t WHERE state = 'planned' AND NOT EXISTS (
      SELECT 1 FROM trips o WHERE o.tenant_id = t.tenant_id AND o.courier_id = t.courier_id
        AND o.state IN ('offered', 'accepted', 'under_way'))`,
  'an order is pinned, and its trip is not': `
    SELECT o.order_id AS id FROM orders o JOIN trips t USING (tenant_id, trip_id)
    WHERE o.closed_at IS NULL AND o.pinned AND NOT t.pinned`,
  'an order was picked up, and no attempt to bring it was begun, or none ended with it': `
    SELECT o.order_id AS id FROM orders o WHERE o.picked_up_at IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM delivery_attempts a WHERE a.tenant_id = o.tenant_id AND a.order_id = o.order_id
        AND (a.ended_at IS NULL) = (o.closed_at IS NULL))`,
  'an order failed without a return': `
    SELECT o.order_id AS id FROM orders o WHERE o.state = 'failed' AND NOT EXISTS (
      SELECT 1 FROM returns r WHERE r.tenant_id = o.tenant_id AND r.order_id = o.order_id)`,
  'a command has no outcome': `SELECT idempotency_key AS id FROM commands WHERE outcome IS NULL`,
}

export interface BookCheck {
  findings: string[]
  /** that the overruling dispatcher wrote about orders */
  audit_rows: number
}

export async function checkBook({ postgres_url }: ServerUrls): Promise<BookCheck> {
  const client = new Client({ connectionString: postgres_url })
  await client.connect()
  try {
    const findings: string[] = []
    for (const [fault, query] of Object.entries(FAULTS)) {
      const { rows } = await client.query<{ id: string }>(query)
      const [first] = rows
      if (first) findings.push(`${fault}: ${rows.length}, such as ${first.id}`)
    }
    const query = `SELECT count(*)::int AS rows FROM audit WHERE actor = $1 AND subject LIKE 'order:%'`
    const { rows } = await client.query<{ rows: number }>(query, [ACTOR])
    return { findings, audit_rows: rows[0]?.rows ?? 0 }
  } finally {
    await client.end()
  }
}

/** Means of delivered orders, s: where their time went. */
export interface Ways {
  orders: number
  /** packed after it was thought to be ready when it was routed */
  packed_late_s: number
  /** from packed to picked up */
  waited_s: number
  /** from picked up to the door */
  ride_s: number
  /** share that was on a trip with others */
  bundled: number
}

/** In time, and late: what made the difference. */
export async function readWays({ postgres_url }: ServerUrls): Promise<Record<string, Ways>> {
  const client = new Client({ connectionString: postgres_url })
  await client.connect()
  try {
    const { rows } = await client.query<Ways & { which: string }>(
      `SELECT CASE WHEN late_s > 0 THEN 'late' ELSE 'in_time' END AS which, count(*)::int AS orders,
         round(avg(packed_at - (fulfilments -> 0 ->> 'planned_ready_at')::bigint) / 1000)::int AS packed_late_s,
         round(avg(picked_up_at - packed_at) / 1000)::int AS waited_s,
         round(avg(closed_at - picked_up_at) / 1000)::int AS ride_s,
         round(avg(((SELECT count(*) FROM trip_orders t WHERE t.tenant_id = o.tenant_id AND t.trip_id = o.trip_id) > 1)::int), 2)::float8
           AS bundled
       FROM orders o WHERE state = 'delivered' GROUP BY 1 ORDER BY 1`,
    )
    return Object.fromEntries(rows.map(({ which, ...ways }) => [which, ways]))
  } finally {
    await client.end()
  }
}
