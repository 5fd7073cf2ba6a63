import type { MovedRecord } from '../../ingest/events/movements.ts'
import type { Columns } from './arrow.ts'
import { count, type Fields, fieldsOf, listOf, offsetOrNull, text, time } from './fields.ts'
import type { ReadRecord } from './records.ts'
import { addHead, addWhole, type Head, UNREADABLE } from './rows.ts'
import type { Judge, Mark } from './rule.ts'

/** A record of `movements` to one row a movement, or one for a marker and for what cannot be read. */

/** Ours hold 2,000 and seldom more; 1 MB of bytes from elsewhere could hold some 50,000. */
const ROWS_MAX = 65_535
const NONE: Fields = {}
const NOTHING = Buffer.alloc(0)

export function addMovements(to: Columns<'movements'>, head: Head, record: ReadRecord, judge: Judge): void {
  const { event = NONE } = record
  const mark = markOf(event)
  const { void_to } = judge(mark)
  const from = { ...head, epoch: mark?.epoch ?? 0, fold_version: mark ? text(event.fold_version) : '' }
  if (mark && isMoved(event)) addMoved(to, from, event, void_to)
  else addBare(to, from, mark ? 'owner' : UNREADABLE, void_to, record)
}

/** undefined: it is no record of movements */
function markOf(event: Fields): Mark | undefined {
  const epoch = count(event.epoch, Number.MAX_SAFE_INTEGER)
  if (epoch < 1) return undefined
  if (event.kind === 'owner') return { epoch, source_offset: null }
  return isMoved(event) && isWhole(event) ? { epoch, source_offset: Number(event.to_offset) } : undefined
}

const COLUMNS = ['source_offset', 'at', 'warehouse', 'sku', 'cause', 'ref'] as const
const LEVELS = ['on_hand', 'reserved', 'safety', 'in_transit'] as const

const isMoved = (event: Fields): event is Fields & MovedRecord => event.kind === 'moved'

/** Columns of one length, whole numbers, source offsets that never fall. */
function isWhole(record: Fields): boolean {
  const rows = fieldsOf(record.rows)
  const offsets = listOf(rows.source_offset)
  const { length } = offsets
  if (length === 0 || length > ROWS_MAX || !Number.isSafeInteger(record.from_at)) return false
  const first = offsetOrNull(record.from_offset)
  const last = offsetOrNull(record.to_offset)
  if (first === null || last === null || last - first !== offsets[length - 1] || offsets[0] !== 0) return false
  for (let row = 1; row < length; row += 1) {
    if (!((offsets[row] as number) >= (offsets[row - 1] as number))) return false
  }
  const whole = (column: unknown) => listOf(column).length === length && listOf(column).every(Number.isSafeInteger)
  return COLUMNS.every(name => whole(rows[name])) && LEVELS.every(name => rows[name] === undefined || whole(rows[name]))
}

type From = Head & { epoch: number; fold_version: string }

/** Words are looked up once for each row and not made: the lists of the record hold each of them once. */
function addMoved(to: Columns<'movements'>, from: From, record: MovedRecord, void_to: number): void {
  const { rows, from_at } = record
  const first = Number(record.from_offset)
  const places = listOf(record.warehouses).map(fieldsOf)
  const [skus, causes, refs] = [listOf(record.skus), listOf(record.causes), listOf(record.refs)]
  rows.source_offset.forEach((behind, row) => {
    const place = places[rows.warehouse[row] ?? -1] ?? NONE
    addHead(to, from)
    to.movement_index.add(row)
    to.type.add('moved')
    to.void.add(first + behind <= void_to ? 1 : 0)
    to.epoch.add(from.epoch)
    to.source_offset.add(first + behind)
    to.fold_version.add(from.fold_version)
    to.tenant_id.add(text(place.tenant_id))
    to.zone_id.add(text(place.zone_id))
    to.warehouse_id.add(text(place.warehouse_id))
    to.sku.add(text(skus[rows.sku[row] ?? -1]))
    to.occurred_at.add(time(from_at + (rows.at[row] ?? 0), from.appended_at))
    to.on_hand.add(rows.on_hand?.[row] ?? 0)
    to.reserved.add(rows.reserved?.[row] ?? 0)
    to.safety.add(rows.safety?.[row] ?? 0)
    to.in_transit.add(rows.in_transit?.[row] ?? 0)
    to.cause.add(text(causes[rows.cause[row] ?? -1]))
    to.ref.add(text(refs[rows.ref[row] ?? -1]))
    to.data.add(NOTHING, 0, 0)
  })
}

function addBare(to: Columns<'movements'>, from: From, type: string, void_to: number, record: ReadRecord): void {
  addHead(to, from)
  to.movement_index.add(0)
  to.type.add(type)
  to.void.add(void_to === Number.POSITIVE_INFINITY ? 1 : 0)
  to.epoch.add(from.epoch)
  to.source_offset.add(null)
  to.fold_version.add(from.fold_version)
  to.occurred_at.add(from.appended_at)
  for (const name of ['tenant_id', 'zone_id', 'warehouse_id', 'sku', 'cause', 'ref'] as const) to[name].add('')
  for (const name of LEVELS) to[name].add(0)
  addWhole(to, record)
}
