import { asOfOneMoment, type Pool, type Queryable } from '../../ingest/io/postgres.ts'
import type { OrderRow, TripRow } from '../rows.ts'

/** What a round of assignment looks at, as of one moment: an order must not be on a trip that is not there. */

/** As much of an order as a plan needs: a whole row costs five times more to read. */
export type WaitingOrder = Pick<OrderRow, (typeof COLUMNS)[number]>

const COLUMNS = [
  'tenant_id',
  'order_id',
  'zone_id',
  'state',
  'attempt',
  'point',
  'requires',
  'placed_at',
  'fulfilment_id',
  'warehouse_id',
  'fulfilments',
  'promise',
  'first_deliver_by',
  'packed_at',
  'trip_id',
  'pinned',
  'correlation_id',
] as const satisfies readonly (keyof OrderRow)[]

export interface OpenWork {
  /**
   * routed, picking or packed, and not about to be cancelled, oldest first: without a trip, those that will be ready before
   * `ready_before`; and all on trips of which nothing was picked up
   */
  orders: WaitingOrder[]
  /** planned, offered, accepted or under way */
  trips: TripRow[]
  declined: { tenant_id: string; order_id: string; courier_id: string }[]
}

/** More than this is not looked at in one round: the oldest come first. */
const ORDERS_MAX = 2_000

export async function openWork(
  pool: Pool,
  { now, ready_before }: { now: number; ready_before: number },
): Promise<OpenWork> {
  return asOfOneMoment(pool, client => readAll(client, now, ready_before))
}

async function readAll(client: Queryable, now: number, ready_before: number): Promise<OpenWork> {
  const orders = await client.query<WaitingOrder>(
    `SELECT ${COLUMNS.join(', ')} FROM orders o
     WHERE closed_at IS NULL AND state IN ('routed', 'picking', 'packed') AND NOT cancel_asked
       AND CASE WHEN trip_id IS NULL THEN state = 'packed' OR (fulfilments -> 0 ->> 'ready_at')::bigint <= $1
         ELSE EXISTS (SELECT 1 FROM trips t WHERE t.tenant_id = o.tenant_id AND t.trip_id = o.trip_id
           AND t.state IN ('planned', 'offered', 'accepted')) END
     ORDER BY placed_at, order_id LIMIT ${ORDERS_MAX}`,
    [ready_before],
  )
  const trips = await client.query<{ row: TripRow }>(
    `SELECT to_jsonb(t) AS row FROM trips t WHERE state IN ('planned', 'offered', 'accepted', 'under_way')`,
  )
  const declined = await client.query<OpenWork['declined'][number]>(
    'SELECT tenant_id, order_id, courier_id FROM declined_offers WHERE until > $1',
    [now],
  )
  return { orders: orders.rows, trips: trips.rows.map(({ row }) => row), declined: declined.rows }
}
