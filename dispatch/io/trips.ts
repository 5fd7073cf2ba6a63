import { type Pool, postgresCode, type Queryable } from '../../ingest/io/postgres.ts'
import type { OrderRow, TripRow } from '../rows.ts'
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

/** An order is off the trip. @returns how many are still on it */
export async function takeOff(client: Queryable, trip: TripRow, order_id: string): Promise<number> {
  await client.query('UPDATE trip_orders SET active = false WHERE tenant_id = $1 AND trip_id = $2 AND order_id = $3', [
    trip.tenant_id,
    trip.trip_id,
    order_id,
  ])
  const { rows } = await client.query<{ left: number }>(
    'SELECT count(*)::int AS left FROM trip_orders WHERE tenant_id = $1 AND trip_id = $2 AND active',
    [trip.tenant_id, trip.trip_id],
  )
  return rows[0]?.left ?? 0
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

/** As much of an order as the solver needs: a whole row costs five times more to read. */
export type WaitingOrder = Pick<OrderRow, (typeof WAITING_COLUMNS)[number]>

const WAITING_COLUMNS = [
  'tenant_id',
  'order_id',
  'zone_id',
  'point',
  'requires',
  'placed_at',
  'fulfilment_id',
  'fulfilments',
  'promise',
  'first_deliver_by',
  'packed_at',
  'correlation_id',
] as const

/** What a tick looks at. */
export interface OpenWork {
  /** routed, picking or packed, without a trip, ready before `ready_before`; oldest first */
  orders: WaitingOrder[]
  /** offered, accepted or under way */
  trips: TripRow[]
  declined: { tenant_id: string; order_id: string; courier_id: string }[]
}

/** More than this is not looked at in one tick: the oldest come first. */
const ORDERS_MAX = 2_000

export async function openWork(
  pool: Pool,
  { now, ready_before }: { now: number; ready_before: number },
): Promise<OpenWork> {
  const orders = await pool.query<WaitingOrder>(
    `SELECT ${WAITING_COLUMNS.join(', ')} FROM orders
     WHERE closed_at IS NULL AND state IN ('routed', 'picking', 'packed') AND trip_id IS NULL AND NOT cancel_asked
       AND (state = 'packed' OR (fulfilments -> 0 ->> 'ready_at')::bigint <= $1)
     ORDER BY placed_at, order_id LIMIT ${ORDERS_MAX}`,
    [ready_before],
  )
  const trips = await pool.query<{ row: TripRow }>(
    `SELECT to_jsonb(t) AS row FROM trips t WHERE state IN ('offered', 'accepted', 'under_way')`,
  )
  const declined = await pool.query<OpenWork['declined'][number]>(
    'SELECT tenant_id, order_id, courier_id FROM declined_offers WHERE until > $1',
    [now],
  )
  return {
    orders: orders.rows,
    trips: trips.rows.map(({ row }) => row),
    declined: declined.rows,
  }
}

/** Trips of a tenant that are not over. */
export async function activeTrips(pool: Pool, tenant_id: string): Promise<{ courier_id: string }[]> {
  const { rows } = await pool.query<{ courier_id: string }>(
    `SELECT courier_id FROM trips WHERE tenant_id = $1 AND state IN ('offered', 'accepted', 'under_way')`,
    [tenant_id],
  )
  return rows
}

/** Couriers who are not to be asked for this order yet. */
export async function declinedFor(
  pool: Pool,
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
