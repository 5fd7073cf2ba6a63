import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { CourierId, OrderId, Sku } from '../../ingest/events/envelope.ts'
import type { CourierView } from '../contract.ts'
import { restoreCourier } from '../fleet.ts'
import { PackedIds } from '../packed/ids.ts'
import { PackedRows } from '../packed/rows.ts'
import type { Partition } from '../partition.ts'
import { isWork } from '../reservations.ts'
import { type Ended, newZone, type OrderState, type StockState, type WarehouseState, type ZoneState } from '../state.ts'
import { type ChangedRows, Tracked } from './tracked.ts'

/**
 * A partition's state as rows, so that a checkpoint can write those that changed, a few at a time. What comes later replaces
 * what came before it.
 *
 *   frame = length of the rest (4 bytes, little endian) │ zstd of a JSON array of rows
 *
 *   ['zone', zone, {rest}, id buckets kept]           every field that is not one of the following
 *   ['row', zone, field, key, row | null]             one row of a map of the zone: order, hold …; null: gone
 *   ['warehouse', zone, warehouse, {rest}]            every field that is not one of the following; its open orders follow from them
 *   ['travel', zone, warehouse, travel, coming]       large, and changes rarely
 *   ['stock', zone, warehouse, sku, row]
 *   ['ids', zone, bucket, base64]                     event ids, to be added to those of the bucket
 *   ['ended', zone, list, minute, from, ids]          what ended in a minute, from a place of its list on; from 0 none: forgotten
 *   ['courier', id, row | null]
 *
 * New fields of a zone or a warehouse need nothing here: they are in the rest, or, being Tracked or PackedRows, written by row.
 */
export const FORMAT = 5

type Field = string

// ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────

type RowMap = ChangedRows<string, object>
const isRowMap = (value: unknown): value is RowMap => value instanceof Tracked || value instanceof PackedRows

/** Maps of a zone that are written by row, by field; its warehouses apart. */
export function rowMaps(zone: ZoneState): [Field, RowMap][] {
  const maps: [Field, RowMap][] = []
  for (const [field, value] of Object.entries(zone)) {
    if (isRowMap(value) && field !== 'warehouses') maps.push([field, value])
  }
  return maps
}

export const zoneRow = (zone: ZoneState): string => {
  const { warehouses: _, seen, moved: __, ended: ___, ...rest } = zone
  const small = Object.fromEntries(Object.entries(rest).filter(([, value]) => !isRowMap(value)))
  return JSON.stringify(['zone', zone.zone_id, small, [...seen.counts().keys()]], withMaps)
}

/** @param text the row as JSON */
export const rowOf = (zone: ZoneState, field: Field, key: string, text: string): string =>
  withText(['row', zone.zone_id, field, key], text)

const withText = (head: readonly string[], text: string): string => `${JSON.stringify(head).slice(0, -1)},${text}]`

export function warehouseRow(zone: ZoneState, warehouse: WarehouseState): string {
  const { stock: _, travel: __, travel_coming: ___, open_orders: ____, ...rest } = warehouse
  return JSON.stringify(['warehouse', zone.zone_id, warehouse.warehouse_id, rest], withMaps)
}

export const travelRow = (zone: ZoneState, { warehouse_id, travel, travel_coming }: WarehouseState): string =>
  JSON.stringify(['travel', zone.zone_id, warehouse_id, travel, travel_coming])

export const stockRow = (zone: ZoneState, warehouse_id: string, sku: string, text: string): string =>
  withText(['stock', zone.zone_id, warehouse_id, sku], text)

export const idsRow = (zone: ZoneState, bucket: number, from: number, to: number): string =>
  JSON.stringify(['ids', zone.zone_id, bucket, zone.seen.encodePart(bucket, from, to)])

export const endedLists = ({ ended }: ZoneState): [string, Ended<string>][] => Object.entries(ended)

export const endedRow = (zone: ZoneState, list: string, minute: number, from: number, ids: readonly string[]): string =>
  JSON.stringify(['ended', zone.zone_id, list, minute, from, ids])

export const courierRow = (courier_id: string, text: string): string => withText(['courier', courier_id], text)

function withMaps(_name: string, value: unknown): unknown {
  if (value instanceof Map) return { map: [...value] }
  if (value instanceof Set) return { set: [...value] }
  return value
}

/** JSON.parse with a reviver takes ten times as long, and few rows have maps. */
function withMapsAgain<Value>(value: Value): Value {
  return revive(value) as Value
}

function revive(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(revive)
  if ('map' in value && Array.isArray(value.map)) return new Map(value.map.map(([key, row]) => [key, revive(row)]))
  if ('set' in value && Array.isArray(value.set)) return new Set(value.set)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, revive(field)]))
}

// ── Frames ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A frame is packed into one piece of memory, which can then be given back. */
const CHUNK_BYTES = 65_536
const FASTEST = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: CHUNK_BYTES }

/** Rows are written here before they are packed: left to the collector, what each frame took made V8 walk the whole heap for every 64 MB. */
let scratch = Buffer.from(new ArrayBuffer(0))
/** A larger text is a warehouse's travel table, which changes rarely. */
const SCRATCH_BYTES_MAX = 1_048_576
const UTF8_BYTES_MAX = 3
const HEAD_BYTES = 4

/** A frame without its length; empty when there are no rows. */
export function packRows(rows: readonly string[]): Uint8Array<ArrayBuffer> {
  return rows.length === 0 ? new Uint8Array() : zstdCompressSync(bytesOf(`[${rows.join(',')}]`), FASTEST)
}

function bytesOf(text: string): Buffer {
  const room = text.length * UTF8_BYTES_MAX
  if (room > SCRATCH_BYTES_MAX) return Buffer.from(text)
  if (scratch.length < room) scratch = Buffer.from(new ArrayBuffer(room))
  return scratch.subarray(0, scratch.write(text))
}

/** Frames as they lie in a part, in memory of their own; that of the packed rows is given back. */
export function joinFrames(packed: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const total = packed.reduce((sum, { length }) => sum + HEAD_BYTES + length, 0)
  const joined = Buffer.from(new ArrayBuffer(total))
  let at = 0
  for (const rows of packed) {
    at = joined.writeUInt32LE(rows.length, at)
    joined.set(rows, at)
    at += rows.length
    // What is smaller may lie in Node's pool, with what is others'.
    if (rows.buffer.byteLength >= CHUNK_BYTES) rows.buffer.transfer(0)
  }
  return joined
}

/** Takes frames, one after the other in `bytes`, into a partition's state. @throws Error when they are damaged */
export function applyFrames(held: Partition, bytes: Uint8Array): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < buffer.length; ) {
    const end = at + HEAD_BYTES + buffer.readUInt32LE(at)
    if (end > buffer.length) throw new Error(`a checkpoint's frame ends ${end - buffer.length} bytes behind its part`)
    for (const row of JSON.parse(zstdDecompressSync(buffer.subarray(at + HEAD_BYTES, end)).toString()))
      applyRow(held, row)
    at = end
  }
  noteWritten(held)
}

/** What a checkpoint holds need not be written again by the next one of its chain. */
function noteWritten({ zones, cutting }: Partition): void {
  for (const zone of zones.values()) {
    cutting.ids.set(zone, zone.seen.counts())
    const ends = endedLists(zone).flatMap(([list, minutes]) =>
      minutes.map(({ minute, who }): [string, number] => [`${list} ${minute}`, who.length]),
    )
    cutting.ended.set(zone, new Map(ends))
    for (const warehouse of zone.warehouses.values()) cutting.travel.set(warehouse, warehouse.travel)
  }
}

type ZoneId = ZoneState['zone_id']
type WarehouseId = WarehouseState['warehouse_id']
/** fields of a warehouse that its row is without */
type Apart = 'stock' | 'travel' | 'travel_coming' | 'open_orders'
type Row =
  | ['zone', ZoneId, Partial<ZoneState>, number[]]
  | ['row', ZoneId, Field, string, object | null]
  | ['warehouse', ZoneId, WarehouseId, Omit<WarehouseState, Apart>]
  | ['travel', ZoneId, WarehouseId, WarehouseState['travel'], WarehouseState['travel_coming']]
  | ['stock', ZoneId, WarehouseId, Sku, StockState | null]
  | ['ids', ZoneId, number, string]
  | ['ended', ZoneId, string, number, number, string[]]
  | ['courier', CourierId, CourierView | null]

function applyRow(held: Partition, row: Row): void {
  if (row[0] === 'courier') {
    restoreCourier(held.fleet, row[1], row[2])
    return
  }
  const zone = zoneOf(held, row[1])
  switch (row[0]) {
    case 'zone':
      Object.assign(zone, withMapsAgain(row[2]))
      zone.seen.keepOnly(row[3])
      return
    case 'row': {
      const map: unknown = zone[row[2] as keyof ZoneState]
      if (!isRowMap(map)) throw new Error(`this checkpoint has rows of ${row[2]}, and this version keeps none`)
      if (map === zone.orders) restoreOrder(zone, row[3] as OrderId, row[4] as OrderState | null)
      else map.restore(row[3], row[4])
      return
    }
    case 'ids':
      zone.seen.restore(row[2], row[3])
      return
    case 'ended':
      restoreEnded(zone, row)
      return
    default:
      applyWarehouseRow(zone, row)
  }
}

/** The rows of a zone, and of a warehouse, may come before its own: what is missing is there at the end of the cut. */
function zoneOf(held: Partition, zone_id: ZoneId): ZoneState {
  let zone = held.zones.get(zone_id)
  if (!zone) {
    zone = newZone(zone_id, '' as ZoneState['tenant_id'])
    held.zones.set(zone_id, zone)
  }
  return zone
}

function restoreEnded(zone: ZoneState, [, , name, minute, from, ids]: Extract<Row, ['ended', ...unknown[]]>): void {
  const list = endedLists(zone).find(([known]) => known === name)?.[1]
  if (!list) throw new Error(`this checkpoint has a list of ended ${name}, and this version keeps none`)
  const place = list.findIndex(entry => entry.minute === minute)
  const entry = list[place] ?? { minute, who: [] }
  entry.who.splice(from, entry.who.length, ...ids)
  if (entry.who.length === 0 && place >= 0) list.splice(place, 1)
  else if (entry.who.length > 0 && place < 0) list.push(entry)
}

/** With whose work it is; an older row may have been open elsewhere, and the order be forgotten since. */
function restoreOrder(zone: ZoneState, order_id: OrderId, order: OrderState | null): void {
  for (const { warehouse_id } of zone.orders.peek(order_id)?.fulfilments ?? [])
    warehouseOf(zone, warehouse_id).open_orders.delete(order_id)
  zone.orders.restore(order_id, order)
  for (const part of order?.fulfilments ?? [])
    if (isWork(part)) warehouseOf(zone, part.warehouse_id).open_orders.add(order_id)
}

function applyWarehouseRow(zone: ZoneState, row: Extract<Row, ['warehouse' | 'travel' | 'stock', ...unknown[]]>): void {
  const known = warehouseOf(zone, row[2])
  if (row[0] === 'stock') known.stock.restore(row[3], row[4])
  else if (row[0] === 'travel') Object.assign(known, { travel: row[3], travel_coming: row[4] })
  else {
    const { stock, travel, travel_coming, open_orders } = known
    zone.warehouses.restore(row[2], { ...withMapsAgain(row[3]), stock, travel, travel_coming, open_orders })
  }
}

/** What is missing of one that has no row of its own yet is there at the end of the cut. */
function warehouseOf(zone: ZoneState, warehouse_id: WarehouseId): Pick<WarehouseState, Apart> {
  const known = zone.warehouses.peek(warehouse_id)
  if (known) return known
  const apart = {
    stock: new Tracked<Sku, StockState>(),
    travel: null,
    travel_coming: null,
    open_orders: new PackedIds<OrderId>(),
  }
  zone.warehouses.restore(warehouse_id, apart as Partial<WarehouseState> as WarehouseState)
  return apart
}
