import { type OperationsEvent, wallTime } from '../ingest/contract.ts'
import type { Decision, DecisionRecord } from '../ingest/events/decisions.ts'
import type { CourierId, Sku, WarehouseId, ZoneId } from '../ingest/events/envelope.ts'
import type { PackedMessages } from '../ingest/io/log_messages.ts'
import { type Cutting, newCutting } from './checkpoint/cut.ts'
import { FOLD_VERSION } from './checkpoint.ts'
import { encodeStock, type WarehouseView } from './contract.ts'
import { type FleetState, newFleet, stepFleet, supplyOf } from './fleet.ts'
import { offerOf } from './owner/offers.ts'
import { promiseTerms } from './routing/load.ts'
import { newZone, type WarehouseState, type ZoneState } from './state.ts'
import { decodeCourier, decodeOperation } from './worker/decode.ts'
import { type MovementPacker, newMovementPacker } from './worker/movement_packer.ts'
import { bytesAt, newPackerRoom, newRecordPacker, type RecordPacker, unpackMessages } from './worker/pack.ts'
import type { Due, Folded, FoldWork, LoadRequest, ViewChange, WholeRequest } from './worker/protocol.ts'
import { noteTouched, type Touched } from './worker/touched.ts'
import { nextDue, step } from './zone.ts'

/** One partition in a worker's memory: the zones of `operations` and the fleet of `couriers`. */
export interface Partition {
  partition: number
  partitions: number
  epoch: number
  operations: { next_offset: number }
  couriers: { next_offset: number }
  zones: Map<ZoneId, ZoneState>
  fleet: FleetState
  cutting: Cutting
}

/** An empty state; `applyFrames` brings a checkpoint's. */
export function loadPartition(request: LoadRequest): Partition {
  const { partition, partitions, epoch, operations, couriers } = request
  return {
    partition,
    partitions,
    epoch,
    operations: { next_offset: operations.next_offset },
    couriers: { next_offset: couriers.next_offset },
    zones: new Map(),
    fleet: newFleet(),
    cutting: newCutting(),
  }
}

// ── Folding a batch ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A batch is folded in one go, and then another: all partitions of the thread write there. */
const RECORDS_ROOM = newPackerRoom()
const MOVED_ROOM = newPackerRoom()

export function foldBatch(held: Partition, request: FoldWork): Folded {
  const folded: Folding = {
    records: newRecordPacker(RECORDS_ROOM),
    moved: newMovementPacker({ epoch: held.epoch, fold_version: FOLD_VERSION }, MOVED_ROOM),
    offers: [],
    dead: [],
    views: [],
    counts: { ok: 0, duplicate: 0, superseded: 0, dead: 0, decisions: {} },
    due: null,
    decided: [],
  }
  if (request.topic === 'couriers') foldCouriers(held, request.messages, folded)
  else foldOperations(held, request, folded)
  return { ...folded, records: folded.records.pack(), moved: folded.moved.pack() }
}

/** What a batch has come to so far. */
type Folding = Omit<Folded, 'records' | 'moved'> & { records: RecordPacker; moved: MovementPacker }

function foldOperations(held: Partition, request: FoldWork, folded: Folding): void {
  const touched: Map<ZoneState, Touched> = new Map()
  for (const message of unpackMessages(request.messages)) {
    const { offset, appended_at, text } = message
    // At least once in, effects once: the reader may hand over again what is folded already.
    if (offset < held.operations.next_offset) continue
    if (offset > held.operations.next_offset) {
      throw new Error(
        `operations/${held.partition} has a gap: ${held.operations.next_offset} expected, ${offset} found`,
      )
    }
    held.operations.next_offset = offset + 1
    const decoded = decodeOperation(text, held.partition, held.partitions)
    if ('reason' in decoded) {
      noteDead(folded, request.messages, message, decoded)
      continue
    }
    const { event } = decoded
    const zone = zoneOf(held, event)
    const past = request.adopted !== null && offset <= request.adopted.through
    const adopted = past ? (request.adopted?.decisions.get(offset) ?? []) : undefined
    const outcome = step(zone, { offset, appended_at, event }, adopted)
    if (outcome.kind === 'dead') {
      noteDead(folded, request.messages, message, outcome)
      continue
    }
    folded.counts[outcome.kind] += 1
    if (outcome.kind !== 'duplicate') {
      folded.moved.add(zone, offset, zone.time, outcome.movements)
      noteTouched(touchedOf(touched, zone), zone, event, outcome.movements)
      noteOffers(zone, { offset, event }, outcome.decisions, folded)
      if (!past) noteDecisions(held, zone, { offset, event }, outcome.decisions, folded)
    }
  }
  for (const [zone, warehouses] of touched) {
    for (const [warehouse_id, skus] of warehouses) {
      const warehouse = zone.warehouses.peek(warehouse_id)
      if (warehouse) folded.views.push(viewOf(zone, warehouse, skus))
    }
  }
  folded.due = earliestDue(held)
}

function noteDead(
  folded: Folding,
  messages: PackedMessages,
  { offset, place }: { offset: number; place: number },
  { reason, detail }: { reason: Folded['dead'][number]['reason']; detail: string },
): void {
  folded.counts.dead += 1
  folded.dead.push({ offset, reason, detail, value: bytesAt(messages, place) })
}

function touchedOf(all: Map<ZoneState, Touched>, zone: ZoneState): Touched {
  let touched = all.get(zone)
  if (!touched) {
    touched = new Map()
    all.set(zone, touched)
  }
  return touched
}

function zoneOf(held: Partition, { zone_id, tenant_id }: OperationsEvent): ZoneState {
  const zone = held.zones.get(zone_id) ?? openZone(held, zone_id, tenant_id)
  return zone.tenant_id === tenant_id ? zone : zoneOfOther(held, zone, tenant_id)
}

/**
 * What lies in no zone lies in one that all tenants share (`nowhere`): each of them gets a state of its own there, so that
 * the ids of one never meet those of another. The clock is the zone's.
 */
function zoneOfOther(held: Partition, shared: ZoneState, tenant_id: ZoneState['tenant_id']): ZoneState {
  const own_id = `${shared.zone_id}/${tenant_id}` as ZoneId
  const own = held.zones.get(own_id) ?? openZone(held, own_id, tenant_id)
  own.clock = shared.clock
  return own
}

function openZone(held: Partition, zone_id: ZoneId, tenant_id: ZoneState['tenant_id']): ZoneState {
  const zone = newZone(zone_id, tenant_id)
  held.zones.set(zone_id, zone)
  return zone
}

function noteOffers(
  zone: ZoneState,
  source: { offset: number; event: OperationsEvent },
  decisions: readonly Decision[],
  folded: Folding,
): void {
  for (const decision of decisions) {
    const offer = offerOf(zone, source, decision)
    if (offer) folded.offers.push(offer)
  }
}

function noteDecisions(
  held: Partition,
  zone: ZoneState,
  { offset, event }: { offset: number; event: OperationsEvent },
  decisions: Decision[],
  folded: Folding,
): void {
  if (decisions.length === 0) return
  const record: DecisionRecord = {
    kind: 'decided',
    epoch: held.epoch,
    fold_version: FOLD_VERSION,
    tenant_id: event.tenant_id,
    zone_id: event.zone_id,
    source_offset: String(offset),
    causation_id: event.event_id,
    correlation_id: event.correlation_id,
    decided_at: zone.time,
    decisions,
  }
  folded.records.add(event.zone_id, offset, JSON.stringify(record))
  for (const decision of decisions) {
    folded.counts.decisions[decision.type] = (folded.counts.decisions[decision.type] ?? 0) + 1
    if (folded.decided.length >= DECIDED_LINES_MAX || !('order_id' in decision)) continue
    const { order_id, type } = decision
    folded.decided.push({ correlation_id: event.correlation_id, order_id, type, source_offset: offset })
  }
}

/** Only so many are logged a second; every one more is an object that crosses to the main thread for nothing. */
const DECIDED_LINES_MAX = 100

export function earliestDue(held: Partition): Due | null {
  let earliest: Due | null = null
  for (const zone of held.zones.values()) {
    const time = nextDue(zone)
    if (time === null) continue
    const wall_ms = wallTime(zone.clock, time)
    if (earliest && earliest.wall_ms <= wall_ms) continue
    earliest = { zone_id: zone.zone_id, tenant_id: zone.tenant_id, wall_ms }
  }
  return earliest
}

function foldCouriers(held: Partition, messages: PackedMessages, folded: Folding): void {
  const moved = new Set<CourierId>()
  for (const message of unpackMessages(messages)) {
    if (message.offset < held.couriers.next_offset) continue
    held.couriers.next_offset = message.offset + 1
    const decoded = decodeCourier(message.text, held.partition, held.partitions)
    if ('reason' in decoded) {
      noteDead(folded, messages, message, decoded)
      continue
    }
    const outcome = stepFleet(held.fleet, decoded.event)
    folded.counts[outcome] += 1
    if (outcome === 'ok') moved.add(decoded.event.data.courier_id)
  }
  // One field a courier, however often it moved within the batch.
  if (moved.size > 0) folded.views.push(fleetView(held, moved))
}

// ── Views ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Complete views of all warehouses and of the fleet. */
export function allViews(held: Partition): ViewChange[] {
  const warehouse_ids = warehouseNames(held)
  return wholeViews(held, { warehouse_ids, fleet: true, fields_max: Number.POSITIVE_INFINITY })
}

export const warehouseNames = (held: Partition): string[] =>
  [...held.zones.values()].flatMap(zone => [...zone.warehouses.keys()])

/** Complete views of the warehouses asked for, in that order, until they make `fields_max` fields; the fleet's first. */
export function wholeViews(
  held: Partition,
  { warehouse_ids, fleet, fields_max }: Pick<WholeRequest, 'warehouse_ids' | 'fleet' | 'fields_max'>,
): ViewChange[] {
  const views = fleet ? [fleetView(held, held.fleet.couriers.keys())] : []
  let fields = 0
  for (const id of warehouse_ids) {
    const zone = [...held.zones.values()].find(({ warehouses }) => warehouses.has(id as WarehouseId))
    const warehouse = zone?.warehouses.peek(id as WarehouseId)
    if (!zone || !warehouse) continue
    if (fields > 0 && fields + warehouse.stock.size > fields_max) break
    fields += warehouse.stock.size
    views.push(viewOf(zone, warehouse, warehouse.stock.keys()))
  }
  return views
}

function viewOf(zone: ZoneState, warehouse: WarehouseState, skus: Iterable<Sku>): ViewChange {
  const fields: string[] = []
  for (const sku of skus) {
    const stock = warehouse.stock.peek(sku)
    if (stock) fields.push(sku, encodeStock(stock))
  }
  const view = { kind: 'warehouse' as const, warehouse_id: warehouse.warehouse_id }
  return { view, meta: JSON.stringify(metaOf(zone, warehouse)), fields }
}

function metaOf(zone: ZoneState, warehouse: WarehouseState): WarehouseView {
  const { warehouse_id, name, point, radius_m, paused, open_lines } = warehouse
  const { road_factor, speed_mps, promise_s_max } = zone.policy
  return {
    warehouse_id: warehouse_id as WarehouseId,
    zone_id: zone.zone_id,
    tenant_id: zone.tenant_id,
    name,
    point,
    radius_m,
    paused,
    ...promiseTerms(zone, warehouse),
    open_lines,
    road_factor,
    speed_mps,
    promise_s_max,
    as_of: zone.time,
  }
}

function fleetView(held: Partition, couriers: Iterable<CourierId>): ViewChange {
  const fields: string[] = []
  for (const courier_id of couriers) {
    const courier = held.fleet.couriers.peek(courier_id)
    if (courier) fields.push(courier_id, JSON.stringify(courier))
  }
  return { view: { kind: 'fleet', partition: held.partition }, meta: JSON.stringify(supplyOf(held.fleet)), fields }
}
