import { gridDisk, latLngToCell } from 'h3-js'
import { AREA_RESOLUTION, NOWHERE, PARTITIONS_DEFAULT, partitionOf } from '../../ingest/contract.ts'
import type { Point } from '../../ingest/events/envelope.ts'
import type { Draws } from '../city/random.ts'

/** A made-up network: one zone a partition, three warehouses each that all reach every door, goods that are always short. */
export interface Place {
  zone_id: string
  partition: number
  center: Point
  cells: string[]
  warehouses: { warehouse_id: string; point: Point }[]
  courier_ids: string[]
}

const WAREHOUSES_A_ZONE = 3
const COURIERS_A_ZONE = 3
export const SKUS: readonly string[] = Array.from({ length: 12 }, (_, n) => `sku-${n + 1}`)
/** of each SKU in each warehouse at the beginning */
export const STOCK_AT_FIRST = 40

export function makePlaces(zones: number, partitions = PARTITIONS_DEFAULT): Place[] {
  return Array.from({ length: zones }, (_, n): Place => {
    const partition = n % partitions
    const center = { lat: 30 + n * 1.5, lng: -90 }
    const zone_id = zoneIn(partition, partitions, n)
    return {
      ...{ zone_id, partition, center },
      cells: gridDisk(latLngToCell(center.lat, center.lng, AREA_RESOLUTION), 1),
      warehouses: Array.from({ length: WAREHOUSES_A_ZONE }, (_, w) => ({
        warehouse_id: `${zone_id}-w${w + 1}`,
        point: { lat: center.lat + 0.004 * (w - 1), lng: center.lng + 0.003 * w },
      })),
      courier_ids: Array.from({ length: COURIERS_A_ZONE }, (_, c) => `${zone_id}-c${c + 1}`),
    }
  })
}

/** A zone id that lies in the wanted partition. */
function zoneIn(partition: number, partitions: number, round: number): string {
  for (let number = round * 1_000; ; number++) {
    const zone_id = `z${number}`
    if (zone_id !== NOWHERE && partitionOf(zone_id, partitions) === partition) return zone_id
  }
}

/** Within a kilometre of the zone's middle. */
export const near = ({ center }: Place, draw: Draws): Point => ({
  lat: Number((center.lat + draw.between(-0.006, 0.006)).toFixed(5)),
  lng: Number((center.lng + draw.between(-0.006, 0.006)).toFixed(5)),
})
