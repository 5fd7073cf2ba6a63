import type { Directory } from '../accept.ts'
import type { WarehouseRow, Zone } from '../contract.ts'
import type { TenantId, WarehouseId, ZoneId } from '../events/envelope.ts'
import type { Policy } from '../events/network.ts'
import { again } from './again.ts'
import type { Log } from './log.ts'
import type { Listener, Pool, Queryable } from './postgres.ts'

/** The network (zones, their areas, warehouses) in memory: read whole at the start, and again whenever it changes. */

export interface ZoneRow extends Zone {
  tenant_id: TenantId
  policy: Policy
  version: number
}

export interface Network extends Directory {
  zones: ReadonlyMap<ZoneId, ZoneRow>
  warehouses: ReadonlyMap<WarehouseId, WarehouseRow>
}

export interface NetworkFollower {
  /** As last read; a change elsewhere is here some ms after its commit. */
  network(): Network
  /** Reads now: for whoever has just written and must see it. */
  refresh(): Promise<void>
  close(): Promise<void>
}

const SELECT_ZONES = `
  SELECT zone_id, tenant_id, name, time_zone, policy, version,
         coalesce((SELECT array_agg(cell ORDER BY cell) FROM zone_cells c WHERE c.zone_id = z.zone_id), '{}') AS cells
    FROM zones z ORDER BY zone_id`

/** One warehouse as `WarehouseRow`. */
export const WAREHOUSE_COLUMNS = `
  warehouse_id, zone_id, tenant_id, name, json_build_object('lat', lat, 'lng', lng) AS point, cell, time_zone,
  utc_offset_s, radius_m, pickers, pick_s_per_line, pack_s, opening, paused, paused_reason, version`

const SELECT_WAREHOUSES = `SELECT ${WAREHOUSE_COLUMNS} FROM warehouses ORDER BY warehouse_id`

/** Reads the network before it resolves. @throws pg's error when Postgres is away or not migrated */
export async function followNetwork(pool: Pool, listener: Listener, log: Log): Promise<NetworkFollower> {
  let current = networkOf([], [])
  const reading = again(async () => {
    current = await readNetwork(pool)
  })
  const failed = (error: unknown) =>
    log.warn({ err: error }, 'the network could not be read again; the last one stands')
  await listener.on('waggle_network', () => void reading.run().catch(failed))
  await reading.run()
  return { network: () => current, refresh: () => reading.run(), close: () => reading.close() }
}

export async function readNetwork(postgres: Queryable): Promise<Network> {
  const zones = await postgres.query<ZoneRow>(SELECT_ZONES)
  const warehouses = await postgres.query<WarehouseRow>(SELECT_WAREHOUSES)
  return networkOf(zones.rows, warehouses.rows)
}

/** The same from rows, for whoever has them. */
export function networkOf(zone_rows: readonly ZoneRow[], warehouse_rows: readonly WarehouseRow[]): Network {
  const zones = new Map(zone_rows.map(zone => [zone.zone_id, zone]))
  const warehouses = new Map(warehouse_rows.map(warehouse => [warehouse.warehouse_id, warehouse]))
  const areas = new Map(zone_rows.flatMap(zone => zone.cells.map(cell => [`${zone.tenant_id}/${cell}`, zone.zone_id])))
  return {
    zones,
    warehouses,
    zoneOfWarehouse(tenant_id, warehouse_id) {
      const warehouse = warehouses.get(warehouse_id)
      return warehouse?.tenant_id === tenant_id ? warehouse.zone_id : undefined
    },
    zoneOfArea: (tenant_id, area_cell) => areas.get(`${tenant_id}/${area_cell}`),
    hasZone: (tenant_id, zone_id) => zones.get(zone_id)?.tenant_id === tenant_id,
  }
}
