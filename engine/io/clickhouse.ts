import { Readable } from 'node:stream'
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client'
import { evenQueries, isOfRanges, type LoadedRange } from './rollups.ts'

/** ClickHouse as the loader writes it and the gateway asks it. */

export interface ClickHouse {
  client: ClickHouseClient
  /** Resolves when it answers a query. */
  ping(): Promise<void>
  /** UUID of a table of the database: another one after the table was dropped and made again. Throws when it is not there. */
  tableId(table: string): Promise<string>
  insertArrow(insert: ArrowInsert): Promise<void>
  /** How many rows of these ranges the table has. */
  countRows(table: string, ranges: readonly LoadedRange[], signal?: AbortSignal): Promise<number>
  /**
   * Makes what the table's views have made say what its rows say (evenQueries tells what to mind; `check` is called before
   * each query, and may throw). Bears repetition.
   * @throws Error while an earlier one of the same view still runs
   */
  evenRollups(table: string, ranges: readonly LoadedRange[], options: EvenOptions): Promise<void>
  close(): Promise<void>
}

export interface ArrowInsert {
  table: string
  columns: readonly string[]
  /** an Arrow IPC stream of one record batch */
  bytes: Uint8Array
  /**
   * The same token again changes nothing, whatever the rows (within the table's last 100,000 inserts). That holds while the
   * server lives: one that was killed may know the token and have lost the rows (rollups.ts).
   */
  token: string
  signal?: AbortSignal
}

export interface EvenOptions {
  /** rows of these ranges may have gone through the views twice */
  has_doubled: boolean
  check: () => Promise<void>
  signal?: AbortSignal
}

const REQUEST_TIMEOUT_MS = 30_000
/** It may have to look at all rows of a tenant. Given up earlier it would be begun anew each time, and never be done. */
const EVEN_TIMEOUT_MS = 600_000
const ONE_BLOCK_ROWS = '1000000'

/**
 * One INSERT is one block is one token. Pinned, because the same token with other block sizes let rows in twice, and
 * because 26.x would gather inserts of its own accord (async_insert = 1) and then skip the token.
 */
const INSERT_SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_threads: '1',
  max_block_size: ONE_BLOCK_ROWS,
  max_insert_block_size: ONE_BLOCK_ROWS,
  min_insert_block_size_rows: ONE_BLOCK_ROWS,
  min_insert_block_size_bytes: String(2 ** 32),
  min_insert_block_size_rows_for_materialized_views: ONE_BLOCK_ROWS,
  min_insert_block_size_bytes_for_materialized_views: String(2 ** 32),
  wait_end_of_query: 1,
}

/** Connects when it is first used. */
export function openClickhouse(url: string, database: string): ClickHouse {
  const client = createClient({
    url,
    database,
    request_timeout: REQUEST_TIMEOUT_MS,
    // It prints every error beside throwing it.
    log: { level: ClickHouseLogLevel.OFF },
  })
  const patient = createClient({
    url,
    database,
    request_timeout: EVEN_TIMEOUT_MS,
    // So that nobody between takes a silent connection for a dead one.
    clickhouse_settings: { send_progress_in_http_headers: 1, http_headers_progress_interval_ms: '10000' },
    log: { level: ClickHouseLogLevel.OFF },
  })
  return {
    client,
    async ping() {
      await client.command({ query: 'SELECT 1' })
    },
    tableId: table => tableId(client, database, table),
    insertArrow: insert => insertArrow(client, insert),
    countRows: (table, ranges, signal) => countRows(client, table, ranges, signal),
    evenRollups: (table, ranges, options) => evenRollups(patient, database, table, ranges, options),
    async close() {
      await Promise.all([client.close(), patient.close()])
    },
  }
}

async function tableId(client: ClickHouseClient, database: string, table: string): Promise<string> {
  const query =
    'SELECT toString(uuid) AS id FROM system.tables WHERE database = {database:String} AND name = {table:String}'
  const result = await client.query({ query, query_params: { database, table }, format: 'JSONEachRow' })
  const [row] = await result.json<{ id: string }>()
  if (!row) throw new Error(`ClickHouse has no table ${database}.${table}: run node sql/main.ts`)
  return row.id
}

async function insertArrow(client: ClickHouseClient, insert: ArrowInsert): Promise<void> {
  const { stream } = await client.exec({
    query: `INSERT INTO ${insert.table} (${insert.columns.join(', ')}) FORMAT ArrowStream`,
    values: Readable.from([insert.bytes]),
    clickhouse_settings: { ...INSERT_SETTINGS, insert_deduplication_token: insert.token },
    ...(insert.signal ? { abort_signal: insert.signal } : {}),
  })
  // The socket is free only when the answer is read to its end.
  stream.resume()
  for await (const _ of stream);
}

async function countRows(
  client: ClickHouseClient,
  table: string,
  ranges: readonly LoadedRange[],
  signal?: AbortSignal,
): Promise<number> {
  if (ranges.length === 0) return 0
  const query = `SELECT toFloat64(count()) AS rows FROM ${table} WHERE ${isOfRanges(ranges)}`
  const result = await client.query({ query, format: 'JSONEachRow', ...(signal ? { abort_signal: signal } : {}) })
  const [row] = await result.json<{ rows: number }>()
  return row?.rows ?? 0
}

async function evenRollups(
  client: ClickHouseClient,
  database: string,
  table: string,
  ranges: readonly LoadedRange[],
  { has_doubled, check, signal }: EvenOptions,
): Promise<void> {
  if (ranges.length === 0) return
  for (const { view, query } of evenQueries(table, ranges, has_doubled)) {
    await check()
    await client.command({
      query,
      query_id: `even ${database} ${view}`,
      clickhouse_settings: { ...INSERT_SETTINGS, insert_deduplicate: 0 },
      ...(signal ? { abort_signal: signal } : {}),
    })
  }
}

/** One minute of the business clock. `minute`: its start, ms. */
export interface OrdersMinute {
  minute: number
  placed: number
  routed: number
  rejected: number
  cancelled: number
  delivered: number
  late: number
}

const MINUTE_MS = 60_000
const MINUTES_MAX = 120

const ORDERS_PER_MINUTE = `
  SELECT
    toUnixTimestamp(minute) * 1000 AS at, toUInt32(sum(placed)) AS placed, toUInt32(sum(routed)) AS routed,
    toUInt32(sum(rejected)) AS rejected, toUInt32(sum(cancelled)) AS cancelled,
    toUInt32(uniqExactMerge(delivered_orders)) AS delivered, toUInt32(uniqExactMerge(late_orders)) AS late
  FROM orders_per_minute_parts
  WHERE tenant_id = {tenant_id:String} AND minute >= {from:UInt32} AND minute < {to:UInt32}
  GROUP BY minute`

/**
 * Orders by minute of the business clock, over all zones of a tenant: every minute from the one of `from_ms` to the one
 * before `to_ms` (rounded up), those without orders too. Of more than 120, the last 120.
 * @throws the client's error when ClickHouse cannot be asked
 */
export async function ordersPerMinute(
  client: ClickHouseClient,
  { tenant_id, from_ms, to_ms }: { tenant_id: string; from_ms: number; to_ms: number },
): Promise<OrdersMinute[]> {
  const to = Math.ceil(to_ms / MINUTE_MS)
  const from = Math.max(Math.floor(from_ms / MINUTE_MS), to - MINUTES_MAX)
  const result = await client.query({
    query: ORDERS_PER_MINUTE,
    query_params: { tenant_id, from: from * 60, to: to * 60 },
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  const rows = await result.json<Omit<OrdersMinute, 'minute'> & { at: number }>()
  const found = new Map(rows.map(({ at, ...counts }) => [at, { minute: at, ...counts }]))
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => {
    const minute = (from + index) * MINUTE_MS
    return found.get(minute) ?? emptyMinute(minute)
  })
}

const emptyMinute = (minute: number): OrdersMinute => ({
  minute,
  placed: 0,
  routed: 0,
  rejected: 0,
  cancelled: 0,
  delivered: 0,
  late: 0,
})
