import { asOfOneMoment, type Pool, type Queryable } from '../../ingest/io/postgres.ts'
import type { OrderView, TripView, WorkSnapshot } from '../contract.ts'
import { placedRow } from '../orders/project.ts'
import { type HistoryRow, moveView, type OrderRow, orderView, tripView } from '../rows.ts'
import { readMoves } from './moves.ts'

/**
 * The book in Postgres. Rows travel as JSON both ways, so that their fields have one name everywhere.
 * Whoever locks several rows locks orders before trips, and orders by id: no two transactions wait for each other.
 */

/** Locks and reads; orders that the book does not know are left out. */
export async function lockOrders(
  client: Queryable,
  tenant_id: string,
  order_ids: readonly string[],
): Promise<OrderRow[]> {
  const { rows } = await client.query<{ row: OrderRow }>(
    `SELECT to_jsonb(o) AS row FROM orders o
     WHERE tenant_id = $1 AND order_id = ANY($2) ORDER BY order_id FOR UPDATE`,
    [tenant_id, order_ids],
  )
  return rows.map(({ row }) => row)
}

/** Inserts or replaces whole rows; the caller holds their locks. */
export async function saveOrders(client: Queryable, orders: readonly OrderRow[]): Promise<void> {
  if (orders.length === 0) return
  await client.query(SAVE_ORDERS, [JSON.stringify(orders)])
}

const ORDER_COLUMNS = [
  'external_id',
  'zone_id',
  'state',
  'version',
  'attempt',
  'point',
  'cell',
  'requires',
  'placed_at',
  'fulfilment_id',
  'warehouse_id',
  'fulfilments',
  'lines',
  'promise',
  'first_deliver_by',
  'reason',
  'candidates',
  'trip_id',
  'courier_id',
  'pinned',
  'cancel_asked',
  'packed_at',
  'picked_up_at',
  'closed_at',
  'late_s',
  'updated_at',
  'changed_by',
  'correlation_id',
] as const satisfies readonly (keyof OrderRow)[]

const SAVE_ORDERS = `
  INSERT INTO orders (tenant_id, order_id, ${ORDER_COLUMNS.join(', ')})
  SELECT tenant_id, order_id, ${ORDER_COLUMNS.join(', ')} FROM jsonb_populate_recordset(NULL::orders, $1::jsonb)
  ON CONFLICT (tenant_id, order_id) DO UPDATE SET
  ${ORDER_COLUMNS.map(column => `${column} = EXCLUDED.${column}`).join(', ')}`

export async function addHistory(client: Queryable, history: readonly HistoryRow[]): Promise<void> {
  if (history.length === 0) return
  await client.query(
    `INSERT INTO order_history (tenant_id, order_id, at, text, actor, correlation_id, version)
     SELECT tenant_id, order_id, at, text, actor, correlation_id, version
     FROM ROWS FROM (jsonb_to_recordset($1::jsonb)
         AS (tenant_id text, order_id text, at bigint, text text, actor text, correlation_id text, version integer))
       WITH ORDINALITY AS t (tenant_id, order_id, at, text, actor, correlation_id, version, n)
     ORDER BY n`,
    [JSON.stringify(history)],
  )
}

/**
 * An order that was published but that no decision has reached yet gets its row in state placed, so that a command can
 * lock it.
 */
export async function ensureOrder(client: Queryable, tenant_id: string, order_id: string): Promise<void> {
  const placed = await placedRequest(client, tenant_id, order_id)
  if (!placed) return
  await client.query(
    `INSERT INTO orders SELECT * FROM jsonb_populate_recordset(NULL::orders, $1::jsonb) ON CONFLICT DO NOTHING`,
    [JSON.stringify([placed])],
  )
}

async function placedRequest(client: Queryable, tenant_id: string, order_id: string): Promise<OrderRow | undefined> {
  const { rows } = await client.query(
    `SELECT event, zone_id, asked_at, correlation_id FROM order_requests
     WHERE tenant_id = $1 AND order_id = $2 AND log_offset IS NOT NULL`,
    [tenant_id, order_id],
  )
  const [found] = rows
  if (!found) return undefined
  const { event, zone_id, asked_at, correlation_id } = found
  return placedRow(event, {
    tenant_id: tenant_id as OrderRow['tenant_id'],
    zone_id,
    placed_at: asked_at,
    correlation_id,
  })
}

// ── Positions ───────────────────────────────────────────────────────────────────────────────────────────────────────

export interface BookPosition {
  /** the highest seen: a record below it is void */
  epoch: number
  /** the first offset not yet applied */
  next_offset: number
  /** the highest applied, in `operations`: a record not above it is a repeat; -1: none */
  source_offset: number
}

export async function bookPosition(client: Queryable, partition: number): Promise<BookPosition | undefined> {
  const { rows } = await client.query<BookPosition>(
    'SELECT epoch, next_offset, source_offset FROM book_positions WHERE log_partition = $1',
    [partition],
  )
  return rows[0]
}

/** Nobody else applies records of this partition until the transaction ends. */
export async function lockPosition(client: Queryable, partition: number): Promise<BookPosition> {
  await client.query('INSERT INTO book_positions VALUES ($1, 0, 0, -1) ON CONFLICT DO NOTHING', [partition])
  const { rows } = await client.query<BookPosition>(
    'SELECT epoch, next_offset, source_offset FROM book_positions WHERE log_partition = $1 FOR UPDATE',
    [partition],
  )
  return rows[0] ?? { epoch: 0, next_offset: 0, source_offset: -1 }
}

export async function savePosition(
  client: Queryable,
  partition: number,
  { epoch, next_offset, source_offset }: BookPosition,
): Promise<void> {
  await client.query(
    'UPDATE book_positions SET epoch = $2, next_offset = $3, source_offset = $4 WHERE log_partition = $1',
    [partition, epoch, next_offset, source_offset],
  )
}

// ── For readers ─────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Book {
  orders: OrderView[]
  trips: TripView[]
  /** partition of decisions → the first offset that is not in these rows */
  decisions_positions: Record<number, number>
  /** partition of decisions → the highest epoch in these rows: records below it are void */
  decisions_epochs: Record<number, number>
  /** partition of decisions → the highest source offset in these rows: records not above it are repeats */
  decisions_source_offsets: Record<number, number>
  /** of all orders that the book ever held */
  totals: BookTotals
}

export type BookTotals = Record<(typeof TOTALS)[number], number>

const TOTALS = ['placed', 'routed', 'rerouted', 'rejected', 'cancelled', 'delivered', 'failed', 'late', 'open'] as const

/** routed: ever promised; rerouted: times, not orders; late: at the door after the first promise. */
const COUNT_ORDERS = `
  SELECT count(*) AS placed,
    count(first_deliver_by) AS routed,
    coalesce(sum(greatest(attempt - 1, 0)) FILTER (WHERE first_deliver_by IS NOT NULL), 0)::bigint AS rerouted,
    count(*) FILTER (WHERE state = 'rejected') AS rejected,
    count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
    count(*) FILTER (WHERE state = 'delivered') AS delivered,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    count(*) FILTER (WHERE state = 'delivered' AND closed_at > first_deliver_by) AS late,
    count(*) FILTER (WHERE closed_at IS NULL) AS open
  FROM orders WHERE tenant_id = $1`

/**
 * The open orders, those closed at or after `closed_since_ms` (business time), and the trips of all of them, as of one
 * moment. Reading `decisions` from the positions, and `deliveries` with the rows' versions, brings it up to date.
 */
export async function readBook(
  pool: Pool,
  { tenant_id, closed_since_ms }: { tenant_id: string; closed_since_ms: number },
): Promise<Book> {
  return asOfOneMoment(pool, async client => {
    const positions = await client.query<BookPosition & { log_partition: number }>('SELECT * FROM book_positions')
    const orders = await client.query<{ row: OrderRow }>(
      `SELECT to_jsonb(o) AS row FROM orders o
       WHERE tenant_id = $1 AND (closed_at IS NULL OR closed_at >= $2) ORDER BY placed_at, order_id`,
      [tenant_id, closed_since_ms],
    )
    const trips = await client.query<{ row: TripView }>(
      `SELECT to_jsonb(t) AS row FROM trips t
       WHERE tenant_id = $1 AND (state IN ('planned', 'offered', 'accepted', 'under_way') OR updated_at >= $2) ORDER BY trip_id`,
      [tenant_id, closed_since_ms],
    )
    const counted = await client.query<BookTotals>(COUNT_ORDERS, [tenant_id])
    const zero = Object.fromEntries(TOTALS.map(name => [name, 0])) as BookTotals
    return {
      totals: counted.rows[0] ?? zero,
      orders: orders.rows.map(({ row }) => orderView(row)),
      trips: trips.rows.map(({ row }) => tripView(row)),
      decisions_positions: Object.fromEntries(positions.rows.map(one => [one.log_partition, one.next_offset])),
      decisions_epochs: Object.fromEntries(positions.rows.map(one => [one.log_partition, one.epoch])),
      decisions_source_offsets: Object.fromEntries(positions.rows.map(one => [one.log_partition, one.source_offset])),
    }
  })
}

/** Everything open, as of one moment. */
export async function readOpenWork(pool: Pool, tenant_id: string): Promise<WorkSnapshot> {
  return asOfOneMoment(pool, async client => {
    const orders = await client.query<{ row: OrderRow }>(
      `SELECT to_jsonb(o) AS row FROM orders o WHERE tenant_id = $1 AND closed_at IS NULL ORDER BY placed_at, order_id`,
      [tenant_id],
    )
    const trips = await client.query<{ row: TripView }>(
      `SELECT to_jsonb(t) AS row FROM trips t
       WHERE tenant_id = $1 AND state IN ('planned', 'offered', 'accepted', 'under_way') ORDER BY trip_id`,
      [tenant_id],
    )
    return {
      orders: orders.rows.map(({ row }) => orderView(row)),
      trips: trips.rows.map(({ row }) => tripView(row)),
      moves: (await readMoves(client, tenant_id)).map(moveView),
    }
  })
}

const CHANGES_MAX = 20

/** What changed an order since a version, oldest first. */
export async function changesSince(
  client: Queryable,
  { tenant_id, order_id }: Pick<OrderRow, 'tenant_id' | 'order_id'>,
  version: number,
): Promise<OrderHistory> {
  const { rows } = await client.query<OrderHistory[number]>(
    `SELECT at, text, actor FROM order_history
     WHERE tenant_id = $1 AND order_id = $2 AND version > $3 ORDER BY id LIMIT ${CHANGES_MAX}`,
    [tenant_id, order_id, version],
  )
  return rows
}

export type OrderHistory = { at: number; text: string; actor: string | null }[]

/** One order with its history, oldest first; an order no decision has reached yet is there in state placed. */
export async function readOrder(
  pool: Queryable,
  tenant_id: string,
  order_id: string,
): Promise<{ order: OrderView; history: OrderHistory } | undefined> {
  const { rows } = await pool.query<{ row: OrderRow; history: OrderHistory | null }>(
    `SELECT to_jsonb(o) AS row,
       (SELECT jsonb_agg(jsonb_build_object('at', at, 'text', text, 'actor', actor) ORDER BY id)
        FROM order_history h WHERE h.tenant_id = o.tenant_id AND h.order_id = o.order_id) AS history
     FROM orders o WHERE tenant_id = $1 AND order_id = $2`,
    [tenant_id, order_id],
  )
  const [found] = rows
  if (found) return { order: orderView(found.row), history: found.history ?? [] }
  const placed = await placedRequest(pool, tenant_id, order_id)
  return placed && { order: orderView(placed), history: [] }
}
