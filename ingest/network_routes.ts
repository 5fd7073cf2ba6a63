import { getResolution, isValidCell } from 'h3-js'
import { Type } from 'typebox'
import {
  AREA_RESOLUTION,
  type Caller,
  type EventDraft,
  REAL_TIME,
  type WarehouseRow,
  WarehouseWrite,
  ZoneWrite,
} from './contract.ts'
import { WarehouseId, ZoneId } from './events/envelope.ts'
import { cellOf } from './events/geo.ts'
import { DEFAULT_POLICY } from './events/network.ts'
import { type ClockFollower, readClock } from './io/clock.ts'
import type { Http } from './io/http.ts'
import { type Network, type NetworkFollower, WAREHOUSE_COLUMNS, type ZoneRow } from './io/network.ts'
import { enqueue, type Relay } from './io/outbox.ts'
import { type Pool, postgresCode, type Queryable, transaction } from './io/postgres.ts'
import { HttpProblem } from './io/problem.ts'
import type { Publisher } from './io/publish.ts'
import { utcOffsetSeconds } from './time_zone.ts'

/** The admin door of the network: rows of Postgres and their events in one transaction. */

export interface NetworkDoor {
  pool: Pool
  publisher: Publisher
  network: NetworkFollower
  clock: ClockFollower
  relay: Relay
}

/** How long a PUT waits until its event is in the log, so that whoever got its answer can send events for it. */
const IN_THE_LOG_TIMEOUT_MS = 10_000
const UNIQUE_VIOLATION = '23505'

export function addNetworkRoutes({ app, requireScope }: Http, door: NetworkDoor): void {
  const anybody = requireScope('network:write', 'events:write', 'orders', 'dispatch', 'courier', 'dashboards')
  const writer = requireScope('network:write')
  const zone_schema = { params: Type.Object({ zone_id: ZoneId }), body: ZoneWrite }
  const warehouse_schema = { params: Type.Object({ warehouse_id: WarehouseId }), body: WarehouseWrite }

  app.get('/v1/zones', { preHandler: anybody }, async ({ caller }) =>
    [...door.network.network().zones.values()].filter(zone => zone.tenant_id === caller.tenant_id),
  )
  app.get('/v1/warehouses', { preHandler: anybody }, async ({ caller }) =>
    [...door.network.network().warehouses.values()].filter(one => one.tenant_id === caller.tenant_id),
  )
  app.put('/v1/zones/:zone_id', { preHandler: writer, schema: zone_schema }, async request => {
    const { params, body, caller, correlation_id } = request
    checkZone(params.zone_id, body)
    checkNeighbours(params.zone_id, body, caller, door.network.network())
    const ids = await transaction(door.pool, client =>
      writeZone(client, door, params.zone_id, body, caller, correlation_id),
    )
    await inTheLog(door, ids)
    return door.network.network().zones.get(params.zone_id)
  })
  app.put('/v1/warehouses/:warehouse_id', { preHandler: writer, schema: warehouse_schema }, async request => {
    const { params, body, caller, correlation_id } = request
    checkWarehouse(body)
    const ids = await transaction(door.pool, client =>
      writeWarehouse(client, door, params.warehouse_id, body, caller, correlation_id),
    )
    await inTheLog(door, ids)
    return door.network.network().warehouses.get(params.warehouse_id)
  })
}

/** After the commit: what was written is in this process' directory and in the log, or the caller is told. */
export async function inTheLog(door: Pick<NetworkDoor, 'network' | 'relay'>, ids: readonly number[]): Promise<void> {
  await door.network.refresh()
  if (await door.relay.published(ids, IN_THE_LOG_TIMEOUT_MS)) return
  const detail = 'it is written and will be published when Kafka answers again; repeating it does no harm'
  throw new HttpProblem(503, 'kafka_unreachable', detail, { retry_after_s: 5 })
}

// ── Zones ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function checkZone(zone_id: ZoneId, { time_zone, cells }: ZoneWrite): void {
  if (zone_id === 'nowhere') throw new HttpProblem(400, 'wrong_shape', 'nowhere is what lies in no zone')
  utcOffset(time_zone, 0)
  const wrong = cells.findIndex(cell => !isValidCell(cell) || getResolution(cell) !== AREA_RESOLUTION)
  if (wrong < 0) return
  const detail = `${cells[wrong]} is not an H3 cell of resolution ${AREA_RESOLUTION}`
  throw new HttpProblem(400, 'wrong_shape', detail, { pointer: `/cells/${wrong}` })
}

/** An order offered to a zone that is none would never be heard of again. */
function checkNeighbours(zone_id: ZoneId, { policy }: ZoneWrite, { tenant_id }: Caller, network: Network): void {
  for (const [place, neighbour] of policy?.neighbours?.entries() ?? []) {
    if (neighbour !== zone_id && network.hasZone(tenant_id, neighbour)) continue
    const detail =
      neighbour === zone_id ? 'a zone is not its own neighbour' : `there is no zone ${neighbour}: write it first`
    throw new HttpProblem(404, 'unknown_zone', detail, { pointer: `/policy/neighbours/${place}` })
  }
}

async function writeZone(
  client: Queryable,
  door: NetworkDoor,
  zone_id: ZoneId,
  body: ZoneWrite,
  caller: Caller,
  correlation_id: string,
): Promise<number[]> {
  const { rows } = await client.query<Pick<ZoneRow, 'policy' | 'version'>>(
    `INSERT INTO zones AS z (zone_id, tenant_id, name, time_zone, policy) VALUES ($1, $2, $3, $4, $5::jsonb)
     ON CONFLICT (zone_id) DO UPDATE SET name = $3, time_zone = $4, policy = coalesce($6::jsonb, z.policy),
       version = z.version + 1, updated_at = now()
       WHERE z.tenant_id = $2
     RETURNING policy, version`,
    [
      zone_id,
      caller.tenant_id,
      body.name,
      body.time_zone,
      JSON.stringify(body.policy ?? DEFAULT_POLICY),
      body.policy ? JSON.stringify(body.policy) : null,
    ],
  )
  const [zone] = rows
  if (!zone)
    throw new HttpProblem(409, 'zone_taken', `the zone ${zone_id} belongs to another tenant: choose another id`)
  await writeCells(client, zone_id, body.cells, caller)
  const drafts: EventDraft[] = [{ type: 'policy.changed', zone_id, data: { policy: zone.policy } }]
  const clock = await readClock(client)
  // A zone that comes after the clock was set must learn of it before anything else.
  if (zone.version === 1 && clock !== REAL_TIME) drafts.unshift({ type: 'clock.set', zone_id, data: clock })
  return enqueue(
    client,
    drafts.map(draft => door.publisher.acceptOwn(draft, { caller, correlation_id })),
  )
}

async function writeCells(client: Queryable, zone_id: ZoneId, cells: string[], { tenant_id }: Caller): Promise<void> {
  await client.query('DELETE FROM zone_cells WHERE zone_id = $1 AND cell <> ALL ($2)', [zone_id, cells])
  try {
    await client.query(
      `INSERT INTO zone_cells (tenant_id, cell, zone_id)
       SELECT $1, cell, $2 FROM (SELECT DISTINCT unnest($3::text[]) AS cell) AS given
        WHERE cell NOT IN (SELECT cell FROM zone_cells WHERE zone_id = $2)`,
      [tenant_id, zone_id, cells],
    )
  } catch (error) {
    if (postgresCode(error) !== UNIQUE_VIOLATION) throw error
    throw new HttpProblem(409, 'cell_taken', 'one of the cells belongs to another zone: take it from there first', {
      pointer: '/cells',
    })
  }
}

// ── Warehouses ──────────────────────────────────────────────────────────────────────────────────────────────────────

function checkWarehouse({ time_zone, opening }: WarehouseWrite): void {
  utcOffset(time_zone, 0)
  const wrong = opening?.findIndex(span => span.from_minute >= span.to_minute) ?? -1
  if (wrong < 0) return
  const detail = 'a span of opening hours must end after it begins; split one that goes over the end of the week'
  throw new HttpProblem(400, 'wrong_shape', detail, { pointer: `/opening/${wrong}` })
}

async function writeWarehouse(
  client: Queryable,
  door: NetworkDoor,
  warehouse_id: WarehouseId,
  body: WarehouseWrite,
  caller: Caller,
  correlation_id: string,
): Promise<number[]> {
  const { zone_id, ...told } = body
  const utc_offset_s = utcOffset(body.time_zone, door.clock.now())
  const { rows } = await client.query<WarehouseRow>(
    `INSERT INTO warehouses AS w (warehouse_id, zone_id, tenant_id, name, lat, lng, cell, time_zone, utc_offset_s,
       radius_m, pickers, pick_s_per_line, pack_s, opening)
     SELECT $1, z.zone_id, z.tenant_id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::jsonb
       FROM zones z WHERE z.zone_id = $2 AND z.tenant_id = $3
     ON CONFLICT (warehouse_id) DO UPDATE SET name = $4, lat = $5, lng = $6, cell = $7, time_zone = $8,
       utc_offset_s = $9, radius_m = $10, pickers = $11, pick_s_per_line = $12, pack_s = $13, opening = $14::jsonb,
       version = w.version + 1, updated_at = now()
       WHERE w.zone_id = excluded.zone_id AND w.tenant_id = excluded.tenant_id
     RETURNING ${WAREHOUSE_COLUMNS}`,
    [
      warehouse_id,
      zone_id,
      caller.tenant_id,
      body.name,
      body.point.lat,
      body.point.lng,
      cellOf(body.point),
      body.time_zone,
      utc_offset_s,
      body.radius_m,
      body.pickers,
      body.pick_s_per_line,
      body.pack_s,
      body.opening ? JSON.stringify(body.opening) : null,
    ],
  )
  if (rows.length === 0) throw await whyNot(client, warehouse_id, zone_id, caller)
  const data = { warehouse_id, utc_offset_s, ...told }
  const draft = { type: 'warehouse.upserted', zone_id, data }
  return enqueue(client, [door.publisher.acceptOwn(draft, { caller, correlation_id })])
}

async function whyNot(
  client: Queryable,
  warehouse_id: WarehouseId,
  zone_id: ZoneId,
  { tenant_id }: Caller,
): Promise<HttpProblem> {
  const { rows } = await client.query<{ zone_id: string; tenant_id: string }>(
    'SELECT zone_id, tenant_id FROM warehouses WHERE warehouse_id = $1',
    [warehouse_id],
  )
  const [there] = rows
  if (there && there.tenant_id !== tenant_id) {
    return new HttpProblem(409, 'warehouse_taken', `${warehouse_id} belongs to another tenant: choose another id`)
  }
  if (!there || there.zone_id === zone_id) {
    return new HttpProblem(404, 'unknown_zone', `there is no zone ${zone_id}: write it first`, { pointer: '/zone_id' })
  }
  const detail = `${warehouse_id} is in ${there.zone_id} and a warehouse never changes its zone: drain it, use a new id`
  return new HttpProblem(409, 'zone_is_fixed', detail, { pointer: '/zone_id' })
}

function utcOffset(time_zone: string, time_ms: number): number {
  const offset_s = utcOffsetSeconds(time_zone, time_ms)
  if (offset_s !== undefined) return offset_s
  const detail = `${time_zone} is not an IANA time zone such as America/Chicago`
  throw new HttpProblem(400, 'wrong_shape', detail, { pointer: '/time_zone' })
}
