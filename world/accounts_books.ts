import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { Client } from 'pg'
import type { Topic } from '../ingest/contract.ts'
import type { ServerUrls } from './servers/config.ts'

/** What ClickHouse and Postgres have, for the accounts to hold against the log. */

const TABLE_OF: Record<Topic, string> = {
  operations: 'operations',
  decisions: 'decisions',
  movements: 'movements',
  couriers: 'couriers',
  deliveries: 'deliveries',
  'dead-letters': 'dead_letters',
}

/** One partition of one table, below a given offset. `records` are distinct offsets. */
export interface LoadedPartition {
  rows: number
  records: number
  lowest: number
  highest: number
}

/** @param ends by partition: rows from this offset on are left out */
export async function readLoaded(
  { clickhouse_url }: ServerUrls,
  database: string,
  ends: Record<Topic, readonly number[]>,
): Promise<Record<Topic, LoadedPartition[]>> {
  const client = createClient({ url: clickhouse_url, database, log: { level: ClickHouseLogLevel.OFF } })
  const loaded: Record<Topic, LoadedPartition[]> = {
    operations: [],
    decisions: [],
    movements: [],
    couriers: [],
    deliveries: [],
    'dead-letters': [],
  }
  try {
    for (const topic of Object.keys(loaded) as Topic[]) {
      const below = ends[topic].map((end, p) => `(kafka_partition = ${p} AND kafka_offset < ${end})`).join(' OR ')
      const query = `SELECT kafka_partition AS p, toFloat64(count()) AS rows, toFloat64(uniqExact(kafka_offset)) AS records,
          toFloat64(min(kafka_offset)) AS lowest, toFloat64(max(kafka_offset)) AS highest
        FROM ${TABLE_OF[topic]} WHERE ${below || '0'} GROUP BY p`
      const answer = await client.query({ query, format: 'JSONEachRow' })
      for (const { p, ...counts } of await answer.json<LoadedPartition & { p: number }>()) loaded[topic][p] = counts
    }
    return loaded
  } finally {
    await client.close()
  }
}

export interface BookOrder {
  state: string
  late_s: number | null
}

/** tenant/order → how the book has it. */
export async function readBook({ postgres_url }: ServerUrls): Promise<Map<string, BookOrder>> {
  const client = new Client({ connectionString: postgres_url, connectionTimeoutMillis: 5_000 })
  await client.connect()
  try {
    const query = 'SELECT tenant_id, order_id, state, late_s FROM orders'
    const { rows } = await client.query<BookOrder & { tenant_id: string; order_id: string }>(query)
    return new Map(rows.map(({ tenant_id, order_id, ...book }) => [`${tenant_id}/${order_id}`, book]))
  } finally {
    await client.end()
  }
}

/** How well arrivals were told: the first word with its bounds, against what came. */
export interface EtaCount {
  arrivals: number
  /** share within the bounds; null: there were none */
  inside: number | null
  /** s between the bounds, the middle of all; null: there were none */
  width_s: number | null
  /** s that the estimate was off, the middle of all; null: there were none */
  off_s: number | null
}

/** Phase → count. */
export async function readEtas({ postgres_url }: ServerUrls): Promise<Record<string, EtaCount>> {
  const client = new Client({ connectionString: postgres_url, connectionTimeoutMillis: 5_000 })
  await client.connect()
  try {
    const { rows } = await client.query<EtaCount & { phase: string }>(
      `SELECT phase, count(*)::int AS arrivals,
         round(avg((actual_at BETWEEN eta_from AND eta_to)::int), 3)::float8 AS inside,
         round(percentile_cont(0.5) WITHIN GROUP (ORDER BY eta_to - eta_from) / 1000)::int AS width_s,
         round(percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(actual_at - eta)) / 1000)::int AS off_s
       FROM eta_told WHERE actual_at IS NOT NULL GROUP BY phase ORDER BY phase`,
    )
    return Object.fromEntries(rows.map(({ phase, ...count }) => [phase, count]))
  } finally {
    await client.end()
  }
}
