import { type Pool, postgresCode, type Queryable } from '../../ingest/io/postgres.ts'
import type { TripRow } from '../rows.ts'
import { orderIdsOf } from '../trip.ts'

/** Trips in Postgres. Two partial unique indexes keep a courier off two active trips, and an order too. */

/** Read without a lock: to learn which orders to lock first. */
export async function findTrip(client: Queryable, tenant_id: string, trip_id: string): Promise<TripRow | undefined> {
  return one(client, 'SELECT to_jsonb(t) AS row FROM trips t WHERE tenant_id = $1 AND trip_id = $2', [
    tenant_id,
    trip_id,
  ])
}

/** Lock its orders before it. */
export async function lockTrip(client: Queryable, tenant_id: string, trip_id: string): Promise<TripRow | undefined> {
  return one(client, 'SELECT to_jsonb(t) AS row FROM trips t WHERE tenant_id = $1 AND trip_id = $2 FOR UPDATE', [
    tenant_id,
    trip_id,
  ])
}

async function one(client: Queryable, sql: string, values: unknown[]): Promise<TripRow | undefined> {
  const { rows } = await client.query<{ row: TripRow }>(sql, values)
  return rows[0]?.row
}

const UNIQUE_VIOLATION = '23505'
/** The courier, or one of the orders, is on another active trip. */
export const isTaken = (error: unknown): boolean => postgresCode(error) === UNIQUE_VIOLATION

/** @throws an error for which `isTaken` holds; the transaction is over then */
export async function insertTrip(client: Queryable, trip: TripRow): Promise<void> {
  await client.query(
    `INSERT INTO trips (${TRIP_COLUMNS}) SELECT ${TRIP_COLUMNS} FROM jsonb_populate_record(NULL::trips, $1::jsonb)`,
    [JSON.stringify(trip)],
  )
  await client.query('INSERT INTO trip_orders SELECT $1, $2, unnest($3::text[]), true', [
    trip.tenant_id,
    trip.trip_id,
    orderIdsOf(trip),
  ])
}

const TRIP_COLUMNS =
  'tenant_id, trip_id, zone_id, courier_id, warehouse_id, state, version, pinned, stops, offered_at, updated_at, changed_by'

/** The caller holds its lock. @throws an error for which `isTaken` holds when its new courier is on another trip */
export async function updateTrip(client: Queryable, trip: TripRow): Promise<void> {
  await client.query(
    `UPDATE trips SET courier_id = $3, state = $4, version = $5, pinned = $6, stops = $7, offered_at = $8,
       updated_at = $9, changed_by = $10
     WHERE tenant_id = $1 AND trip_id = $2`,
    [
      trip.tenant_id,
      trip.trip_id,
      trip.courier_id,
      trip.state,
      trip.version,
      trip.pinned,
      JSON.stringify(trip.stops),
      trip.offered_at,
      trip.updated_at,
      trip.changed_by,
    ],
  )
  if (trip.state === 'cancelled' || trip.state === 'done') {
    await client.query('UPDATE trip_orders SET active = false WHERE tenant_id = $1 AND trip_id = $2', [
      trip.tenant_id,
      trip.trip_id,
    ])
  }
}

/** They are off the trip. @returns the orders that are still to be brought by it */
export async function takeOffOrders(
  client: Queryable,
  { tenant_id, trip_id }: Pick<TripRow, 'tenant_id' | 'trip_id'>,
  order_ids: readonly string[],
): Promise<string[]> {
  await client.query(
    'UPDATE trip_orders SET active = false WHERE tenant_id = $1 AND trip_id = $2 AND order_id = ANY($3)',
    [tenant_id, trip_id, order_ids],
  )
  return ordersOn(client, { tenant_id, trip_id })
}

/** What the trip is still to bring, by id. */
export async function ordersOn(
  client: Queryable,
  { tenant_id, trip_id }: Pick<TripRow, 'tenant_id' | 'trip_id'>,
): Promise<string[]> {
  const { rows } = await client.query<{ order_id: string }>(
    'SELECT order_id FROM trip_orders WHERE tenant_id = $1 AND trip_id = $2 AND active ORDER BY order_id',
    [tenant_id, trip_id],
  )
  return rows.map(row => row.order_id)
}

/** @throws an error for which `isTaken` holds when one is on another trip */
export async function putOnOrders(
  client: Queryable,
  { tenant_id, trip_id }: Pick<TripRow, 'tenant_id' | 'trip_id'>,
  order_ids: readonly string[],
): Promise<void> {
  await client.query(
    `INSERT INTO trip_orders SELECT $1, $2, unnest($3::text[]), true
     ON CONFLICT (tenant_id, trip_id, order_id) DO UPDATE SET active = true`,
    [tenant_id, trip_id, order_ids],
  )
}

/** Whether a dispatcher chose for one of the orders that the trip is still to bring. The caller holds the trip's lock. */
export async function hasPinned(
  client: Queryable,
  { tenant_id, trip_id }: Pick<TripRow, 'tenant_id' | 'trip_id'>,
  but_for: readonly string[],
): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT 1 FROM trip_orders t JOIN orders o USING (tenant_id, order_id)
     WHERE t.tenant_id = $1 AND t.trip_id = $2 AND t.active AND o.pinned AND o.order_id <> ALL($3) LIMIT 1`,
    [tenant_id, trip_id, but_for],
  )
  return (rowCount ?? 0) > 0
}

const OPEN = `('planned', 'offered', 'accepted', 'under_way')`
const ON = `('offered', 'accepted', 'under_way')`

/** These trips, and all that are open of a courier, by id: lock their orders before. */
export async function lockTrips(
  client: Queryable,
  tenant_id: string,
  { trip_ids, courier_id }: { trip_ids: readonly string[]; courier_id: string | null },
): Promise<TripRow[]> {
  const { rows } = await client.query<{ row: TripRow }>(
    `SELECT to_jsonb(t) AS row FROM trips t
     WHERE tenant_id = $1 AND (trip_id = ANY($2) OR (courier_id = $3 AND state IN ${OPEN}))
     ORDER BY trip_id FOR UPDATE`,
    [tenant_id, trip_ids, courier_id],
  )
  return rows.map(({ row }) => row)
}

/** The trip whose turn it is; undefined: the courier is on one, or none is planned. */
export async function lockNextTrip(
  client: Queryable,
  { tenant_id, courier_id }: Pick<TripRow, 'tenant_id' | 'courier_id'>,
): Promise<TripRow | undefined> {
  const { rows } = await client.query<{ row: TripRow }>(
    `SELECT to_jsonb(t) AS row FROM trips t
     WHERE tenant_id = $1 AND courier_id = $2 AND state = 'planned' AND NOT EXISTS (
       SELECT 1 FROM trips o WHERE o.tenant_id = $1 AND o.courier_id = $2 AND o.state IN ${ON})
     ORDER BY trip_id LIMIT 1 FOR UPDATE`,
    [tenant_id, courier_id],
  )
  return rows[0]?.row
}

/** Whom not to ask for these orders before `until` (business time). */
export async function rememberDeclined(
  client: Queryable,
  { tenant_id, courier_id }: Pick<TripRow, 'tenant_id' | 'courier_id'>,
  order_ids: readonly string[],
  until: number,
): Promise<void> {
  await client.query(
    `INSERT INTO declined_offers SELECT $1, unnest($2::text[]), $3, $4
     ON CONFLICT (tenant_id, order_id, courier_id) DO UPDATE SET until = EXCLUDED.until`,
    [tenant_id, order_ids, courier_id, until],
  )
}

/** Of all tenants: planned, offered, accepted or under way. */
export async function openTrips(client: Queryable): Promise<TripRow[]> {
  const { rows } = await client.query<{ row: TripRow }>(`SELECT to_jsonb(t) AS row FROM trips t WHERE state IN ${OPEN}`)
  return rows.map(({ row }) => row)
}

/** Couriers who are not to be asked for this order yet. */
export async function declinedFor(
  pool: Queryable,
  { tenant_id, order_id, now }: { tenant_id: string; order_id: string; now: number },
): Promise<string[]> {
  const { rows } = await pool.query<{ courier_id: string }>(
    'SELECT courier_id FROM declined_offers WHERE tenant_id = $1 AND order_id = $2 AND until > $3',
    [tenant_id, order_id, now],
  )
  return rows.map(row => row.courier_id)
}

/** Declined offers of closed orders and of long ago are of no more use. */
export async function forgetDeclined(pool: Pool, before: number): Promise<void> {
  await pool.query('DELETE FROM declined_offers WHERE until < $1', [before])
}
