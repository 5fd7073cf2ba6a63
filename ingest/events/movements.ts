import { type Static, Type } from 'typebox'
import { OwnerMarker } from './decisions.ts'
import { Sku, TenantId, WarehouseId, ZoneId } from './envelope.ts'

/**
 * The ledger of stock: every change of what is on hand, reserved, kept back or on its way at a (warehouse, SKU), with its
 * cause. The sum over all movements that are not void, up to a source offset, is the fold's state there.
 */

/** Why a level changed. A closed list: metrics, tables and screens reuse it as labels. */
export const MOVEMENT_CAUSES = {
  count: 'somebody counted the shelf',
  adjustment: 'somebody corrected the level; ref: the reason',
  received: 'goods came in; ref: their reference',
  put_back: 'goods of a cancelled or returned order are on the shelf again; ref: the order',
  transfer_sent: 'goods left for another warehouse; ref: the transfer',
  transfer_received: 'goods from another warehouse came in; ref: the transfer',
  transfer_cancelled: 'a transfer did not happen; ref: the transfer',
  reserved: 'kept for an order or a hold; ref: it',
  released: 'not kept any longer; ref: the order or hold',
  confirmed: 'a hold became an order, which reserves it in the same step; ref: the hold',
  rerouted: 'kept by another warehouse instead; ref: the order',
  expired: 'a hold ended by itself; ref: the hold',
  picked: 'off the shelf and into the bag; ref: the order',
  short: 'it was to be picked and was not there, or a count said so; ref: the order',
  short_pick: 'a picker found the shelf empty; ref: the order',
  substituted: 'something else was picked in its place; ref: the order',
  safety_set: 'the safety stock was set',
} as const
export type MovementCause = keyof typeof MOVEMENT_CAUSES

/** One change, all levels as differences in the unit of the SKU. At least one is not 0. */
export interface Movement {
  warehouse_id: string
  sku: string
  on_hand: number
  reserved: number
  safety: number
  in_transit: number
  cause: MovementCause
  /** order, hold or transfer id, or the reason of an adjustment; empty: nothing to name */
  ref: string
}

/** A movement with its place in the log. `at`: business clock, ms. */
export interface LedgerEntry extends Movement {
  tenant_id: string
  zone_id: string
  source_offset: number
  at: number
}

const Column = Type.Array(Type.Integer())
const Words = Type.Array(Type.String())

/**
 * One record of the `movements` topic: what one run of source offsets moved, in the partition number of its source. By
 * columns, because rows as objects would repeat names and ids: each of `rows` has one number a row; `warehouse`, `sku`,
 * `cause` and `ref` are places in the lists of the same name. `source_offset` and `at` count from `from_offset` and
 * `from_at`. A column of levels that is missing is all zeros. Rows stand in the order of their source offsets, and all rows
 * of one source offset stand in one record.
 */
export const MovedRecord = Type.Object({
  kind: Type.Literal('moved'),
  epoch: Type.Integer({ minimum: 1 }),
  fold_version: Type.String(),
  from_offset: Type.String({ pattern: '^[0-9]+$', description: 'in `operations`, same partition: of the first row' }),
  to_offset: Type.String({ pattern: '^[0-9]+$', description: 'of the last row' }),
  from_at: Type.Integer({ description: 'business clock, ms' }),
  warehouses: Type.Array(Type.Object({ tenant_id: TenantId, zone_id: ZoneId, warehouse_id: WarehouseId })),
  skus: Type.Array(Sku),
  causes: Words,
  refs: Words,
  rows: Type.Object({
    source_offset: Column,
    at: Column,
    warehouse: Column,
    sku: Column,
    cause: Column,
    ref: Column,
    on_hand: Type.Optional(Column),
    reserved: Type.Optional(Column),
    safety: Type.Optional(Column),
    in_transit: Type.Optional(Column),
  }),
})
export type MovedRecord = Static<typeof MovedRecord>

/** The first record of a new owner of a partition: from here on lower epochs are void, as in `decisions`. */
export const MovementsRecord = Type.Union([MovedRecord, OwnerMarker])
export type MovementsRecord = Static<typeof MovementsRecord>

/** The rows of a record as entries. Void or not is the reader's business: it depends on the records before. */
export function entriesOf(record: MovedRecord): LedgerEntry[] {
  const { rows, warehouses, skus, causes, refs } = record
  const first_offset = Number(record.from_offset)
  return rows.source_offset.map((behind, row) => ({
    ...placeOf(warehouses[rows.warehouse[row] ?? -1]),
    sku: skus[rows.sku[row] ?? -1] ?? '',
    on_hand: rows.on_hand?.[row] ?? 0,
    reserved: rows.reserved?.[row] ?? 0,
    safety: rows.safety?.[row] ?? 0,
    in_transit: rows.in_transit?.[row] ?? 0,
    cause: (causes[rows.cause[row] ?? -1] ?? '') as MovementCause,
    ref: refs[rows.ref[row] ?? -1] ?? '',
    source_offset: first_offset + behind,
    at: record.from_at + (rows.at[row] ?? 0),
  }))
}

const placeOf = (place: MovedRecord['warehouses'][number] | undefined) =>
  place ?? { tenant_id: '', zone_id: '', warehouse_id: '' }
