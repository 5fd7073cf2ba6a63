import type { Queryable } from '../../ingest/io/postgres.ts'
import type { TripState } from '../contract.ts'
import type { OrderRow } from '../rows.ts'

/** An open order as the queue needs it: a whole row is five times as much to read. */
export type QueuedOrder = Pick<OrderRow, (typeof COLUMNS)[number]> & {
  /** ms; when all parts are packed, or will be */
  ready_at: number | null
  trip_state: TripState | null
  offered_at: number | null
  /** ms; the door's stop of its trip */
  trip_door_at: number | null
}

const COLUMNS = [
  'order_id',
  'external_id',
  'zone_id',
  'state',
  'version',
  'warehouse_id',
  'courier_id',
  'trip_id',
  'pinned',
  'requires',
  'placed_at',
  'point',
  'promise',
  'first_deliver_by',
  'cancel_asked',
] as const satisfies readonly (keyof OrderRow)[]

/** More than this is not looked at: the oldest come first. */
const ORDERS_MAX = 20_000

/** Every order that a warehouse has and nobody has closed. @param zone_id null: all zones of the tenant */
export async function queuedOrders(
  client: Queryable,
  tenant_id: string,
  zone_id: string | null,
): Promise<QueuedOrder[]> {
  const { rows } = await client.query<QueuedOrder>(
    `SELECT ${COLUMNS.map(column => `o.${column}`).join(', ')},
       (SELECT max(coalesce((part ->> 'packed_at')::bigint, (part ->> 'ready_at')::bigint))
        FROM jsonb_array_elements(o.fulfilments) part) AS ready_at,
       t.state AS trip_state, t.offered_at,
       (SELECT max((stop ->> 'eta')::bigint) FROM jsonb_array_elements(t.stops) stop
        WHERE stop ->> 'order_id' = o.order_id AND stop ->> 'kind' = 'dropoff') AS trip_door_at
     FROM orders o LEFT JOIN trips t ON t.tenant_id = o.tenant_id AND t.trip_id = o.trip_id
     WHERE o.tenant_id = $1 AND o.closed_at IS NULL AND o.state <> 'placed' AND ($2::text IS NULL OR o.zone_id = $2)
     ORDER BY o.placed_at, o.order_id LIMIT ${ORDERS_MAX}`,
    [tenant_id, zone_id],
  )
  return rows
}
