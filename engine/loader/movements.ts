import type { MovedRecord } from '../../ingest/events/movements.ts'
import type { Head } from './decode.ts'
import { count, type Fields, fieldsOf, listOf, offsetOrNull, text, time } from './fields.ts'
import type { Mark } from './rule.ts'
import type { Row } from './tables.ts'

/** A record of `movements` to one row a movement, or one for a marker and for what cannot be read. */

/** Ours hold 2,000 and seldom more; 1 MB of bytes from elsewhere could hold some 50,000. */
const ROWS_MAX = 65_535

/** `void` is 0 in all of them: it depends on what was read before, so the batch decides it. */
export function movementRows(head: Head, record: Fields | undefined, raw: string): { rows: Row[]; mark?: Mark } {
  const epoch = record && Number.isSafeInteger(record.epoch) ? count(record.epoch, Number.MAX_SAFE_INTEGER) : 0
  if (!record || epoch < 1) return { rows: [bareRow(head, 'unreadable', raw)] }
  const from = { ...head, epoch, fold_version: text(record.fold_version) }
  if (record.kind === 'owner') return { rows: [bareRow(from, 'owner', raw)], mark: { epoch, source_offset: null } }
  if (!isMoved(record)) return { rows: [bareRow(head, 'unreadable', raw)] }
  return { rows: movedRows(from, record), mark: { epoch, source_offset: Number(record.to_offset) } }
}

const COLUMNS = ['source_offset', 'at', 'warehouse', 'sku', 'cause', 'ref'] as const
const LEVELS = ['on_hand', 'reserved', 'safety', 'in_transit'] as const

/** Whether it is a whole record: columns of one length, whole numbers, source offsets that never fall. */
function isMoved(record: Fields): record is Fields & MovedRecord {
  const rows = fieldsOf(record.rows)
  const offsets = listOf(rows.source_offset)
  const length = offsets.length
  if (record.kind !== 'moved' || length === 0 || length > ROWS_MAX) return false
  const first = offsetOrNull(record.from_offset)
  const last = offsetOrNull(record.to_offset)
  if (first === null || last === null || last - first !== offsets[length - 1] || offsets[0] !== 0) return false
  for (let row = 1; row < length; row += 1) {
    if (!((offsets[row] as number) >= (offsets[row - 1] as number))) return false
  }
  const whole = (column: unknown) => listOf(column).length === length && listOf(column).every(Number.isSafeInteger)
  if (!COLUMNS.every(name => whole(rows[name])) || !Number.isSafeInteger(record.from_at)) return false
  return LEVELS.every(name => rows[name] === undefined || whole(rows[name]))
}

type From = Head & { epoch: number; fold_version: string }

function movedRows(from: From, record: Fields & MovedRecord): Row<'movements'>[] {
  const { rows, from_at } = record
  const first = Number(record.from_offset)
  const places = listOf(record.warehouses).map(fieldsOf)
  const word = (list: unknown, place: number | undefined) => text(listOf(list)[place ?? -1])
  return rows.source_offset.map((behind, row) => {
    const place = places[rows.warehouse[row] ?? -1] ?? {}
    return {
      ...from,
      movement_index: row,
      type: 'moved',
      void: 0,
      source_offset: first + behind,
      tenant_id: text(place.tenant_id),
      zone_id: text(place.zone_id),
      warehouse_id: text(place.warehouse_id),
      sku: word(record.skus, rows.sku[row]),
      occurred_at: time(from_at + (rows.at[row] ?? 0), from.appended_at),
      on_hand: rows.on_hand?.[row] ?? 0,
      reserved: rows.reserved?.[row] ?? 0,
      safety: rows.safety?.[row] ?? 0,
      in_transit: rows.in_transit?.[row] ?? 0,
      cause: word(record.causes, rows.cause[row]),
      ref: word(record.refs, rows.ref[row]),
      data: '',
    }
  })
}

function bareRow(head: Head & Partial<From>, type: string, data: string): Row<'movements'> {
  return {
    ...{ epoch: 0, fold_version: '', ...head },
    ...{ movement_index: 0, type, void: 0, source_offset: null, tenant_id: '', zone_id: '', warehouse_id: '', sku: '' },
    ...{ occurred_at: head.appended_at, on_hand: 0, reserved: 0, safety: 0, in_transit: 0, cause: '', ref: '', data },
  }
}
