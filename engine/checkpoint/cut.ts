import type { Partition } from '../partition.ts'
import type { WarehouseState, ZoneState } from '../state.ts'
import type { CutAnswer, SliceAnswer } from '../worker/protocol.ts'
import {
  courierRow,
  endedLists,
  endedRow,
  idsRow,
  joinFrames,
  packRows,
  rowMaps,
  rowOf,
  stockRow,
  travelRow,
  warehouseRow,
  zoneRow,
} from './frames.ts'

/**
 * A checkpoint as the worker makes it: slices between the batches, then the cut.
 *
 *   slice  rows that changed since they were last written (or all of them), as many as take a few ms; meanwhile the fold goes on,
 *     ⋮    and what it changes is written once more
 *   cut    the few that are left, and what is small: from here on all slices together are the state at this offset
 *
 * So a checkpoint is the state at one offset although the fold never waits for more than a slice.
 */
export interface Cutting {
  /** while all rows are being written: those that were not looked at yet */
  all: Generator<string, undefined> | null
  /** how many ids of each bucket are written */
  ids: WeakMap<ZoneState, Map<number, number>>
  /** how many of what ended in a minute are written, by list and minute */
  ended: WeakMap<ZoneState, Map<string, number>>
  /** the travel tables that are written */
  travel: WeakMap<WarehouseState, WarehouseState['travel']>
}

export const newCutting = (): Cutting => ({
  all: null,
  ids: new WeakMap(),
  ended: new WeakMap(),
  travel: new WeakMap(),
})

/**
 * Characters of rows in a frame: zstd takes 1 µs for an order's row then, and 5 µs in frames of twice the size, whose tables
 * no longer fit the cache and come from the system each time.
 */
const FRAME_CHARS = 49_152
const IDS_A_ROW = 2_000

/** The next rows, as many as `frames_max` frames take (some 0.4 ms each). `whole`: of all of them, begin anew. */
export function sliceOf(held: Partition, whole: boolean, frames_max = 1): SliceAnswer {
  if (whole) held.cutting = { ...newCutting(), all: allRows(held) }
  const rows = held.cutting.all ?? changedRows(held)
  const frames: Uint8Array<ArrayBuffer>[] = []
  while (frames.length < frames_max) {
    const frame = nextFrame(rows)
    if (frame.length === 0) {
      held.cutting.all = null
      break
    }
    frames.push(frame)
  }
  return { frames: joinFrames(frames), left: held.cutting.all ? Number.POSITIVE_INFINITY : changedCount(held) }
}

/** Everything that is left. The state is at the offsets of the answer. */
export function cutOf(held: Partition): CutAnswer {
  const all = held.cutting.all ?? [].values()
  const frames: Uint8Array<ArrayBuffer>[] = []
  for (const rows of [all, changedRows(held), held.zones.values().map(zoneRow)]) {
    for (let frame = nextFrame(rows); frame.length > 0; frame = nextFrame(rows)) frames.push(frame)
  }
  held.cutting.all = null
  return {
    frames: joinFrames(frames),
    operations_next: held.operations.next_offset,
    couriers_next: held.couriers.next_offset,
  }
}

/** Empty after the last row. Leaves the iterator open, unlike `for … of`. */
function nextFrame(rows: Iterator<string, undefined>): Uint8Array<ArrayBuffer> {
  const frame: string[] = []
  for (let chars = 0; chars < FRAME_CHARS; ) {
    const { value, done } = rows.next()
    if (done) break
    frame.push(value)
    chars += value.length
  }
  return packRows(frame)
}

/** Maps may be changed while they are walked through: what is new comes at the end or is written with what changed, what is gone does not come. */
function* allRows(held: Partition): Generator<string, undefined> {
  for (const zone of held.zones.values()) {
    for (const [id, warehouse] of zone.warehouses) {
      zone.warehouses.changed.delete(id)
      yield* warehouseRows(held, zone, warehouse)
      for (const [sku, text] of warehouse.stock.takeAll()) yield stockRow(zone, id, sku, text)
    }
    for (const [field, map] of rowMaps(zone)) {
      for (const [key, text] of map.takeAll()) yield rowOf(zone, field, key, text)
    }
    yield* idRows(held, zone)
    yield* endedRows(held, zone)
  }
  const { couriers } = held.fleet
  for (const [id, text] of couriers.takeAll()) yield courierRow(id, text)
}

function* changedRows(held: Partition): Generator<string, undefined> {
  for (const zone of held.zones.values()) {
    for (const id of zone.warehouses.changed) {
      zone.warehouses.changed.delete(id)
      const warehouse = zone.warehouses.peek(id)
      if (warehouse) yield* warehouseRows(held, zone, warehouse)
    }
    for (const [id, { stock }] of zone.warehouses) {
      for (const [sku, text] of stock.takeChanged()) yield stockRow(zone, id, sku, text)
    }
    for (const [field, map] of rowMaps(zone)) {
      for (const [key, text] of map.takeChanged()) yield rowOf(zone, field, key, text)
    }
    yield* idRows(held, zone)
    yield* endedRows(held, zone)
  }
  const { couriers } = held.fleet
  for (const [id, text] of couriers.takeChanged()) yield courierRow(id, text)
}

function* warehouseRows(
  { cutting }: Partition,
  zone: ZoneState,
  warehouse: WarehouseState,
): Generator<string, undefined> {
  yield warehouseRow(zone, warehouse)
  if (warehouse.travel_coming === null && cutting.travel.get(warehouse) === warehouse.travel) return
  if (warehouse.travel_coming === null) cutting.travel.set(warehouse, warehouse.travel)
  yield travelRow(zone, warehouse)
}

function* idRows({ cutting }: Partition, zone: ZoneState): Generator<string, undefined> {
  let written = cutting.ids.get(zone)
  if (!written) {
    written = new Map()
    cutting.ids.set(zone, written)
  }
  const counts = zone.seen.counts()
  for (const bucket of written.keys()) if (!counts.has(bucket)) written.delete(bucket)
  for (const [bucket, count] of counts) {
    for (let from = written.get(bucket) ?? 0; from < count; ) {
      const to = Math.min(count, from + IDS_A_ROW)
      written.set(bucket, to)
      yield idsRow(zone, bucket, from, to)
      from = to
    }
  }
}

/** Lists grow at their end; what is forgotten is taken off there, too, once nothing is added any more. */
function* endedRows({ cutting }: Partition, zone: ZoneState): Generator<string, undefined> {
  const written = writtenEnds(cutting, zone)
  const kept = new Set<string>()
  for (const [list, minutes] of endedLists(zone)) {
    for (const { minute, who } of minutes) {
      const name = `${list} ${minute}`
      kept.add(name)
      for (let from = written.get(name) ?? 0; from !== who.length; ) {
        const start = Math.min(from, who.length)
        const to = Math.min(who.length, start + IDS_A_ROW)
        written.set(name, to)
        yield endedRow(zone, list, minute, start, who.slice(start, to))
        from = to
      }
    }
  }
  for (const name of written.keys()) {
    if (kept.has(name)) continue
    written.delete(name)
    const [list = '', minute] = name.split(' ')
    yield endedRow(zone, list, Number(minute), 0, [])
  }
}

function writtenEnds({ ended }: Cutting, zone: ZoneState): Map<string, number> {
  let written = ended.get(zone)
  if (!written) {
    written = new Map()
    ended.set(zone, written)
  }
  return written
}

/** How many rows wait to be written again; ids by the thousand. */
function changedCount({ zones, fleet, cutting }: Partition): number {
  let count = fleet.couriers.changedCount
  for (const zone of zones.values()) {
    count += zone.warehouses.changedCount
    for (const { stock } of zone.warehouses.values()) count += stock.changedCount
    for (const [, map] of rowMaps(zone)) count += map.changedCount
    const written = cutting.ids.get(zone)
    for (const [bucket, all] of zone.seen.counts()) count += (all - (written?.get(bucket) ?? 0)) / 1_000
    const ends = writtenEnds(cutting, zone)
    for (const [list, minutes] of endedLists(zone)) {
      const last = minutes.at(-1)
      if (last) count += (last.who.length - (ends.get(`${list} ${last.minute}`) ?? 0)) / 1_000
    }
  }
  return count
}
