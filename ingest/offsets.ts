import type { Caller, WarehouseRow } from './contract.ts'
import type { ClockFollower } from './io/clock.ts'
import type { Log } from './io/log.ts'
import { type NetworkFollower, WAREHOUSE_COLUMNS } from './io/network.ts'
import { enqueue } from './io/outbox.ts'
import { type Pool, type Queryable, transaction } from './io/postgres.ts'
import type { Publisher } from './io/publish.ts'
import { utcOffsetSeconds } from './time_zone.ts'

/**
 * The fold reads no zone database: it knows a warehouse's offset from UTC as last told. So when the business clock passes
 * a change to or from summer time, or is set to the other side of one, the warehouse is told again.
 */

const CHECK_MS = 60_000

const isStale = (row: Pick<WarehouseRow, 'time_zone' | 'utc_offset_s'>, time_ms: number): boolean =>
  utcOffsetSeconds(row.time_zone, time_ms) !== row.utc_offset_s

/** In a transaction: rows and events of every warehouse whose offset differs at `time_ms`. @returns ids of the outbox */
export async function tellOffsets(
  client: Queryable,
  publisher: Publisher,
  time_ms: number,
  correlation_id: string,
): Promise<number[]> {
  const { rows } = await client.query<WarehouseRow>(
    `SELECT ${WAREHOUSE_COLUMNS} FROM warehouses ORDER BY warehouse_id FOR UPDATE`,
  )
  const stale = rows.filter(row => isStale(row, time_ms))
  const drafts = stale.map(row => ({ ...row, utc_offset_s: utcOffsetSeconds(row.time_zone, time_ms) ?? 0 }))
  for (const { warehouse_id, utc_offset_s } of drafts) {
    await client.query('UPDATE warehouses SET utc_offset_s = $2, updated_at = now() WHERE warehouse_id = $1', [
      warehouse_id,
      utc_offset_s,
    ])
  }
  return enqueue(
    client,
    drafts.map(row => publisher.acceptOwn(upserted(row), { caller: service(row), correlation_id })),
  )
}

const service = ({ tenant_id }: WarehouseRow): Caller => ({ tenant_id, actor: 'service:ingest', scopes: [] })

function upserted(row: WarehouseRow) {
  const { warehouse_id, name, point, time_zone, utc_offset_s, radius_m, pickers, pick_s_per_line, pack_s, opening } =
    row
  const told = { warehouse_id, name, point, time_zone, utc_offset_s, radius_m, pickers, pick_s_per_line, pack_s }
  return { type: 'warehouse.upserted', zone_id: row.zone_id, data: { ...told, ...(opening && { opening }) } }
}

/** Looks once a minute. */
export function watchOffsets(door: {
  pool: Pool
  publisher: Publisher
  network: NetworkFollower
  clock: ClockFollower
  log: Log
}): { close(): void } {
  const { pool, publisher, network, clock, log } = door
  const look = async (): Promise<void> => {
    if (![...network.network().warehouses.values()].some(row => isStale(row, clock.now()))) return
    const ids = await transaction(pool, client => tellOffsets(client, publisher, clock.now(), 'summer-time'))
    log.info({ warehouses: ids.length }, 'the offset from UTC changed')
  }
  const failed = (error: unknown) => log.warn({ err: error }, 'the offsets from UTC could not be checked; trying again')
  const timer = setInterval(() => void look().catch(failed), CHECK_MS)
  return { close: () => clearInterval(timer) }
}
