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
