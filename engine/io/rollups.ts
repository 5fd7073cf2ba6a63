/**
 * The materialized views of sql/clickhouse/, once more: what they have put into their targets is compared with the rows they
 * were made from, and made even.
 *
 * Why that is needed. A token is noted in a table's log before the part it stands for is there, in every target of a view as
 * in the table itself. A server that is killed between the two holds the token and not the rows, and drops them when they are
 * sent again: three of 240 inserts that a kill cut short had lost what a view makes of them.
 */

/** A part of a batch: the records of a partition at offsets from ≤ x < to, which Kafka took on the day that begins at `day_ms` (UTC). */
export interface LoadedRange {
  day_ms: number
  partition: number
  from: number
  to: number
}

/** Column of the target → expression over the table's rows. */
type Columns = Readonly<Record<string, string>>

interface Rollup {
  view: string
  table: string
  into: string
  keys: Columns
  /** the rows that count */
  where: string
  values: Sums | Sets
}

/** Numbers that the target adds up. `rows`: over its columns, how many rows are in it. */
interface Sums {
  sums: Columns
  rows: string
}

/** Sets that the target unites: what is in twice is in once, so they are only sent again. */
interface Sets {
  sets: Columns
}

export const ROLLUPS: readonly Rollup[] = [
  {
    view: 'orders_placed_to_minutes',
    table: 'decisions',
    into: 'orders_per_minute_parts',
    keys: { tenant_id: 'tenant_id', zone_id: 'zone_id', minute: 'toStartOfMinute(coalesce(placed_at, occurred_at))' },
    where: `void = 0 AND (type = 'order.routed' OR (type = 'order.rejected' AND attempt <= 1))`,
    values: { sums: { placed: 'count()' }, rows: 'placed' },
  },
  {
    view: 'orders_decided_to_minutes',
    table: 'decisions',
    into: 'orders_per_minute_parts',
    keys: { tenant_id: 'tenant_id', zone_id: 'zone_id', minute: 'toStartOfMinute(occurred_at)' },
    where: `void = 0 AND type IN ('order.routed', 'order.rejected', 'order.cancelled')`,
    values: {
      sums: {
        routed: `countIf(type = 'order.routed')`,
        rejected: `countIf(type = 'order.rejected')`,
        cancelled: `countIf(type = 'order.cancelled')`,
      },
      rows: 'routed + rejected + cancelled',
    },
  },
  {
    view: 'orders_delivered_to_minutes',
    table: 'deliveries',
    into: 'orders_per_minute_parts',
    keys: {
      tenant_id: 'tenant_id',
      zone_id: 'zone_id',
      minute: 'toStartOfMinute(coalesce(delivered_at, occurred_at))',
    },
    where: `type = 'delivery.delivered'`,
    values: {
      sets: {
        delivered_orders: 'uniqExactState(order_id)',
        late_orders: 'uniqExactStateIf(order_id, late_s > 0)',
      },
    },
  },
  {
    view: 'movements_to_hours',
    table: 'movements',
    into: 'stock_by_hour_parts',
    keys: {
      tenant_id: 'tenant_id',
      zone_id: 'zone_id',
      warehouse_id: 'warehouse_id',
      sku: 'sku',
      hour: `toStartOfHour(toDateTime(occurred_at, 'UTC'))`,
    },
    where: `void = 0 AND type = 'moved'`,
    values: {
      sums: {
        on_hand: 'sum(on_hand)',
        reserved: 'sum(reserved)',
        safety: 'sum(safety)',
        in_transit: 'sum(in_transit)',
        came_in: `sumIf(on_hand, cause IN ('received', 'put_back', 'transfer_received'))`,
        picked: `-sumIf(on_hand, cause = 'picked')`,
        corrected: `sumIf(on_hand, cause IN ('count', 'adjustment'))`,
        movements: 'count()',
      },
      rows: 'movements',
    },
  },
]

/**
 * Queries that make the targets of a table's views say what its rows say, wherever rows of these ranges count. Each sees the
 * table and the target as they are when it begins, and adds the difference. So nothing may be on its way into the table then,
 * which it could find there and not yet in the target; and each is sent without ClickHouse's own deduplication, since the same
 * difference may be missing twice.
 *
 * A target that has more rows than the table is left alone: the table forgets after two years, its target does not. Only
 * where rows went in under a second token (`has_doubled`) may the views have made something of them twice.
 */
export const evenQueries = (table: string, ranges: readonly LoadedRange[], has_doubled: boolean): EvenQuery[] =>
  ROLLUPS.filter(rollup => rollup.table === table).map(rollup => ({
    view: rollup.view,
    query:
      'sets' in rollup.values
        ? setsAgain(rollup, rollup.values, ranges)
        : difference(rollup, rollup.values, ranges, has_doubled),
  }))

export interface EvenQuery {
  view: string
  query: string
}

/** Rows of a table that are of these ranges, as a condition. The day comes first: it names the partition of the table. */
export function isOfRanges(ranges: readonly LoadedRange[]): string {
  const terms = ranges.map(({ day_ms, partition, from, to }) => {
    const day = new Date(day_ms).toISOString().slice(0, 10)
    return `(toDate(appended_at) = '${day}' AND kafka_partition = ${partition} AND kafka_offset >= ${from} AND kafka_offset < ${to})`
  })
  return `(${terms.join(' OR ')})`
}

const named = (columns: Columns): string =>
  Object.entries(columns)
    .map(([name, of]) => (of === name ? name : `${of} AS ${name}`))
    .join(', ')

function setsAgain({ table, into, keys, where }: Rollup, { sets }: Sets, ranges: readonly LoadedRange[]): string {
  const names = Object.keys(keys).join(', ')
  return `INSERT INTO ${into} (${names}, ${Object.keys(sets).join(', ')})
    SELECT ${named(keys)}, ${Object.values(sets).join(', ')} FROM ${table}
    WHERE ${isOfRanges(ranges)} AND ${where} GROUP BY ${names}`
}

/** What the rows of a table make in all, less what the target has, for the keys that the ranges touch. */
function difference(
  { table, into, keys, where }: Rollup,
  { sums, rows }: Sums,
  ranges: readonly LoadedRange[],
  has_doubled: boolean,
): string {
  const names = Object.keys(keys).join(', ')
  const columns = Object.keys(sums)
  // Other names than the target's: a sum of what is called like the sum itself is refused.
  const made = Object.values(sums).map((of, n) => `toInt64(${of}) AS d${n}`)
  const there = columns.map((name, n) => `-toInt64(sum(${name})) AS d${n}`)
  const differs = columns.map((_, n) => `sum(d${n}) != 0`).join(' OR ')
  // A difference below 0 goes into an unsigned column as 2⁶⁴ less, and sums there are modulo 2⁶⁴.
  return `INSERT INTO ${into} (${names}, ${columns.join(', ')})
    WITH touched AS (SELECT DISTINCT ${named(keys)} FROM ${table} WHERE ${isOfRanges(ranges)} AND ${where})
    SELECT ${names}, ${columns.map((_, n) => `sum(d${n})`).join(', ')}
    FROM (
      SELECT ${named(keys)}, ${made.join(', ')}, toInt64(count()) AS rows_more FROM ${table}
      WHERE ${where} AND (${names}) IN (SELECT ${names} FROM touched) GROUP BY ${names}
      UNION ALL
      SELECT ${names}, ${there.join(', ')}, -toInt64(sum(${rows})) AS rows_more FROM ${into}
      WHERE (${names}) IN (SELECT ${names} FROM touched) GROUP BY ${names}
    )
    GROUP BY ${names} HAVING (${differs}) AND (sum(rows_more) > 0${has_doubled ? ' OR sum(rows_more) < 0' : ''})`
}
