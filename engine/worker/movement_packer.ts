import type { Movement } from '../../ingest/events/movements.ts'
import { newRecordPacker, type PackerRoom } from './pack.ts'
import type { PackedRecords } from './protocol.ts'

/** The movements of a batch as records of the topic `movements`, in the order of their source offsets. */

export interface MovementPacker {
  /** All movements of one source offset, in one call; source offsets rise from call to call. `at`: business clock, ms. */
  add(
    place: { tenant_id: string; zone_id: string },
    source_offset: number,
    at: number,
    moved: readonly Movement[],
  ): void
  pack(): PackedRecords
}

/** A record is cut behind the source offset that reaches one of these; what one step moves is bounded by the fold. */
const ROWS_MAX = 2_000
const BYTES_MAX = 400_000
/** What a row's numbers take at the most, and a word beside its letters. */
const ROW_BYTES = 60
const WORD_BYTES = 4

export function newMovementPacker(head: { epoch: number; fold_version: string }, room: PackerRoom): MovementPacker {
  const records = newRecordPacker(room)
  let open = newOpenRecord()
  const flush = () => {
    if (open.source_offset.length === 0) return
    records.add(open.zone_id, open.from_offset, textOf(head, open))
    open = newOpenRecord()
  }
  return {
    add(place, source_offset, at, moved) {
      if (moved.length === 0) return
      addRows(open, place, source_offset, at, moved)
      const bytes = open.source_offset.length * ROW_BYTES + open.word_bytes
      if (open.source_offset.length >= ROWS_MAX || bytes >= BYTES_MAX) flush()
    },
    pack() {
      flush()
      return records.pack()
    },
  }
}

/** A list of words, each once; numbers stand for them. */
interface Words {
  places: Map<string, number>
  list: string[]
}

interface OpenRecord {
  zone_id: string
  from_offset: number
  to_offset: number
  from_at: number
  word_bytes: number
  warehouses: Map<string, number>
  warehouse_list: { tenant_id: string; zone_id: string; warehouse_id: string }[]
  skus: Words
  causes: Words
  refs: Words
  source_offset: number[]
  at: number[]
  warehouse: number[]
  sku: number[]
  cause: number[]
  ref: number[]
  on_hand: number[]
  reserved: number[]
  safety: number[]
  in_transit: number[]
}

const newWords = (): Words => ({ places: new Map(), list: [] })

function newOpenRecord(): OpenRecord {
  return {
    ...{ zone_id: '', from_offset: 0, to_offset: 0, from_at: 0, word_bytes: 0 },
    ...{ warehouses: new Map(), warehouse_list: [], skus: newWords(), causes: newWords(), refs: newWords() },
    ...{ source_offset: [], at: [], warehouse: [], sku: [], cause: [], ref: [] },
    ...{ on_hand: [], reserved: [], safety: [], in_transit: [] },
  }
}

function addRows(
  open: OpenRecord,
  { tenant_id, zone_id }: { tenant_id: string; zone_id: string },
  source_offset: number,
  at: number,
  moved: readonly Movement[],
): void {
  if (open.source_offset.length === 0) {
    open.zone_id = zone_id
    open.from_offset = source_offset
    open.from_at = at
  }
  open.to_offset = source_offset
  for (const movement of moved) {
    const { warehouse_id } = movement
    let warehouse = open.warehouses.get(warehouse_id)
    if (warehouse === undefined) {
      warehouse = open.warehouse_list.push({ tenant_id, zone_id, warehouse_id }) - 1
      open.warehouses.set(warehouse_id, warehouse)
    }
    open.source_offset.push(source_offset - open.from_offset)
    open.at.push(at - open.from_at)
    open.warehouse.push(warehouse)
    open.sku.push(placeOf(open, open.skus, movement.sku))
    open.cause.push(placeOf(open, open.causes, movement.cause))
    open.ref.push(placeOf(open, open.refs, movement.ref))
    open.on_hand.push(movement.on_hand)
    open.reserved.push(movement.reserved)
    open.safety.push(movement.safety)
    open.in_transit.push(movement.in_transit)
  }
}

function placeOf(open: OpenRecord, { places, list }: Words, word: string): number {
  const known = places.get(word)
  if (known !== undefined) return known
  const place = list.push(word) - 1
  places.set(word, place)
  open.word_bytes += word.length + WORD_BYTES
  return place
}

function textOf(head: { epoch: number; fold_version: string }, open: OpenRecord): string {
  const { source_offset, at, warehouse, sku, cause, ref } = open
  return JSON.stringify({
    kind: 'moved',
    ...head,
    from_offset: String(open.from_offset),
    to_offset: String(open.to_offset),
    from_at: open.from_at,
    warehouses: open.warehouse_list,
    skus: open.skus.list,
    causes: open.causes.list,
    refs: open.refs.list,
    rows: {
      ...{ source_offset, at, warehouse, sku, cause, ref },
      on_hand: unlessZeros(open.on_hand),
      reserved: unlessZeros(open.reserved),
      safety: unlessZeros(open.safety),
      in_transit: unlessZeros(open.in_transit),
    },
  })
}

/** A column of zeros is left out. */
const unlessZeros = (column: number[]): number[] | undefined => (column.some(value => value !== 0) ? column : undefined)
