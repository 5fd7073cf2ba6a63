import { randomUUIDv7 } from 'node:crypto'
import { partitionOf, type Topic } from '../../ingest/contract.ts'
import { cellOf } from '../../ingest/events/geo.ts'
import { DEFAULT_POLICY } from '../../ingest/events/network.ts'
import { type Draws, draws } from '../city/random.ts'

/**
 * The events of the benches: 8 zones, each in a partition of its own, ten warehouses a zone that all reach every place. Nothing is
 * picked, so warehouses have so many pickers that a million open orders still leave every promise within the policy.
 */

export const PARTITIONS = 8
export const WAREHOUSES_A_ZONE = 10
const SKUS_A_WAREHOUSE = 200
const COURIERS_A_ZONE = 250
const PLACES_A_ZONE = 2_000
const ZONE_REACH_DEG = 0.04
const TENANT = 'bench'

export interface Place {
  point: { lat: number; lng: number }
  cell: string
}

export interface BenchZone {
  zone_id: string
  partition: number
  warehouses: { warehouse_id: string; place: Place }[]
  places: Place[]
  courier_ids: string[]
  draws: Draws
}

export interface BenchMessage {
  topic: Topic
  partition: number
  key: string
  value: Buffer
}

/** One zone a partition. */
export function benchZones(warehouses_a_zone = WAREHOUSES_A_ZONE): BenchZone[] {
  return Array.from({ length: PARTITIONS }, (_, partition) => {
    const zone_id = keyIn(partition, 'zone')
    const random = draws(7, 'bench', partition)
    const centre = { lat: 41 + 0.2 * partition, lng: -87.6 }
    const place = (): Place => {
      const near = (middle: number) => Number((middle + random.between(-ZONE_REACH_DEG, ZONE_REACH_DEG)).toFixed(6))
      const point = { lat: near(centre.lat), lng: near(centre.lng) }
      return { point, cell: cellOf(point) }
    }
    return {
      zone_id,
      partition,
      warehouses: Array.from({ length: warehouses_a_zone }, (_, n) => ({
        warehouse_id: `${zone_id}-w${n}`,
        place: place(),
      })),
      places: Array.from({ length: PLACES_A_ZONE }, place),
      courier_ids: Array.from({ length: COURIERS_A_ZONE }, (_, n) => keyIn(partition, `courier-${n}`)),
      draws: random,
    }
  })
}

function keyIn(partition: number, name: string): string {
  for (let n = 0; ; n += 1) if (partitionOf(`${name}-${n}`, PARTITIONS) === partition) return `${name}-${n}`
}

/** The network, the first counts and the couriers' shifts. */
export function opening(zone: BenchZone, skus_a_warehouse = SKUS_A_WAREHOUSE): BenchMessage[] {
  const now = Date.now()
  return [
    operation(zone, 'policy.changed', { policy: { ...DEFAULT_POLICY, promise_s_max: 86_400 } }),
    ...zone.warehouses.map(({ warehouse_id, place }, n) =>
      operation(zone, 'warehouse.upserted', {
        warehouse_id,
        name: `Warehouse ${n}`,
        point: place.point,
        cell: place.cell,
        time_zone: 'America/Chicago',
        utc_offset_s: -21_600,
        radius_m: 30_000,
        pickers: 1_000,
        pick_s_per_line: 20,
        pack_s: 30,
      }),
    ),
    ...zone.warehouses.flatMap(({ warehouse_id }) =>
      Array.from({ length: skus_a_warehouse }, (_, n) =>
        operation(zone, 'stock.counted', {
          warehouse_id,
          sku: skuName(n),
          unit: 'each',
          quantity: 1_000_000,
          as_of: now,
        }),
      ),
    ),
    ...zone.courier_ids.map(courier_id => {
      const { point, cell } = zone.draws.pick(zone.places)
      return courier(zone, 'shift.started', { courier_id, point, cell, vehicle: 'bicycle', capacity: 2, has: [] })
    }),
  ]
}

const skuName = (n: number): string => `sku-${String(n).padStart(5, '0')}`
const anySku = ({ draws: random }: BenchZone): string => skuName(random.whole(0, SKUS_A_WAREHOUSE - 1))

/** Two lines, as a partner's order comes through dispatch. */
export function orderOf(zone: BenchZone): BenchMessage {
  const { point, cell } = zone.draws.pick(zone.places)
  const line = (line_id: string) => ({
    line_id,
    sku: anySku(zone),
    quantity: zone.draws.whole(1, 3),
    unit: 'each',
    unit_price: { amount: zone.draws.whole(99, 1_999), currency: 'USD' },
  })
  const number = randomUUIDv7()
  return operation(zone, 'order.placed', {
    order_id: `o-${number}`,
    external_id: number.slice(-12),
    customer_ref: `c-${zone.draws.whole(0, 999_999)}`,
    point,
    cell,
    lines: [line('1'), line('2')],
  })
}

export function adjustmentOf(zone: BenchZone): BenchMessage {
  const { warehouse_id } = zone.draws.pick(zone.warehouses)
  const delta = zone.draws.whole(1, 9) - 5 || 5
  return operation(zone, 'stock.adjusted', { warehouse_id, sku: anySku(zone), unit: 'each', delta, reason: 'recount' })
}

export function positionOf(zone: BenchZone): BenchMessage {
  const { point, cell } = zone.draws.pick(zone.places)
  const courier_id = zone.draws.pick(zone.courier_ids)
  const speed_mps = zone.draws.whole(0, 80) / 10
  return courier(zone, 'courier.moved', { courier_id, point, cell, speed_mps, heading_deg: zone.draws.whole(0, 359) })
}

function operation(zone: BenchZone, type: string, data: object): BenchMessage {
  return message(zone, 'operations', zone.zone_id, 'partner-api', type, data)
}

function courier(zone: BenchZone, type: string, data: { courier_id: string; [field: string]: unknown }): BenchMessage {
  return message(zone, 'couriers', data.courier_id, 'courier-app', type, data)
}

function message(zone: BenchZone, topic: Topic, key: string, source: string, type: string, data: object): BenchMessage {
  const now = Date.now()
  const event_id = randomUUIDv7()
  const event = {
    event_id,
    type,
    schema_version: 1,
    tenant_id: TENANT,
    zone_id: zone.zone_id,
    occurred_at: now,
    received_at: now,
    source,
    actor: 'partner:bench',
    correlation_id: event_id,
    data,
  }
  return { topic, partition: zone.partition, key, value: Buffer.from(JSON.stringify(event)) }
}

/** What dispatch writes of a trip that ends well. */
export function deliveryOf(zone: BenchZone): BenchMessage {
  const { warehouse_id } = zone.draws.pick(zone.warehouses)
  const number = randomUUIDv7()
  return message(zone, 'deliveries', zone.zone_id, 'dispatch', 'delivery.delivered', {
    trip_id: `t-${number}`,
    version: 3,
    courier_id: zone.draws.pick(zone.courier_ids),
    warehouse_id,
    order_id: `o-${number}`,
    fulfilment_id: `o-${number}.1`,
    delivered_at: Date.now(),
    late_s: zone.draws.whole(-900, 300),
  })
}

/** Nothing of ours: a dead letter. */
export function brokenOf(zone: BenchZone): BenchMessage {
  return { topic: 'operations', partition: zone.partition, key: zone.zone_id, value: Buffer.from('{"half":') }
}

/** One kind of event after the other, in these shares of 100. */
export function mixOf(shares: readonly (readonly [number, (zone: BenchZone) => BenchMessage])[]) {
  const kinds = shares.flatMap(([share, event]) => Array.from({ length: share }, () => event))
  const random = draws(7, 'mix')
  return (zone: BenchZone): BenchMessage => random.pick(kinds)(zone)
}
