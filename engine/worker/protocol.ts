import type { DeadReason } from '../../ingest/events/dead_letters.ts'
import type { Decision } from '../../ingest/events/decisions.ts'
import type { PackedMessages } from '../../ingest/io/log_messages.ts'

/**
 * What the main thread (Kafka, Redis, Postgres) and a worker thread (the folds) say to each other, on one page.
 *
 *   main                                   worker (owns partitions p with p mod W = its number)
 *   ── load {offsets}, restore {frames} … ─►  builds the partition's zones and fleet from a checkpoint's parts
 *   ◄─ due ─────────────────────────────────
 *   ── fold {PackedMessages}             ─►  decode, step, encode; small batches travel together, see gather.ts
 *   ◄─ Folded {records, moved, dead, views …} ─
 *   ── names                             ─►  the warehouses that it holds
 *   ── whole {warehouses}                ─►  complete views, for a Redis that was emptied; a slice of bounded size
 *   ── slice …, cut                      ─►  frames of a checkpoint, see cut.ts
 *   ── drop                              ─►  forgets the partition
 *
 * Every request names the owner's epoch: what a former owner of the same partition still asks for changes nothing.
 * Raw values travel as one transferred ArrayBuffer and an index: 1,000 events as objects cost 6 ms, so 0.1 ms.
 */

export interface LoadRequest {
  kind: 'load'
  partition: number
  partitions: number
  epoch: number
  operations: { next_offset: number }
  couriers: { next_offset: number }
}

export interface FoldWork {
  topic: 'operations' | 'couriers'
  messages: PackedMessages
  /** decisions of former owners by source offset; up to `through` nothing is decided anew */
  adopted: { through: number; decisions: Map<number, Decision[]> } | null
}

export interface FoldRequest extends FoldWork {
  kind: 'fold'
  partition: number
  epoch: number
}

/** Asks for complete views: the fleet's, and of the warehouses as many as make `fields_max` fields, at least one. */
export interface WholeRequest {
  kind: 'whole'
  partition: number
  epoch: number
  warehouse_ids: string[]
  fleet: boolean
  fields_max: number
}

export type WorkerRequest =
  | LoadRequest
  | FoldRequest
  | { kind: 'names'; partition: number; epoch: number }
  | WholeRequest
  /** the frames of a checkpoint, in their order and before the first batch; null: that were all */
  | { kind: 'restore'; partition: number; epoch: number; frames: Uint8Array | null }
  | { kind: 'slice'; partition: number; epoch: number; whole: boolean; frames_max: number }
  | { kind: 'cut'; partition: number; epoch: number }
  | { kind: 'drop'; partition: number; epoch: number }

export interface DeadLetter {
  offset: number
  reason: DeadReason
  detail: string
  value: Uint8Array
}

/** `index`: place in `zone_ids`, source offset, start, end of each record, in order of the source offset. */
export interface PackedRecords {
  zone_ids: string[]
  index: Float64Array<ArrayBuffer>
  bytes: Uint8Array<ArrayBuffer>
}

/** Absolute values of what changed in one view; fields: name, value, name, value, … */
export interface ViewChange {
  view: { kind: 'warehouse'; warehouse_id: string } | { kind: 'fleet'; partition: number }
  meta: string | null
  fields: string[]
}

/** An event for a neighbouring zone, as it goes out but for its id and the time of sending. */
export interface Offer {
  type: 'order.offered_over' | 'order.cancel_asked'
  tenant_id: string
  zone_id: string
  occurred_at: number
  correlation_id: string
  causation_id: string
  data: object
}

export interface Folded {
  records: PackedRecords
  /** records of the topic `movements`, those of adopted decisions too */
  moved: PackedRecords
  /** events for neighbouring zones, those of adopted decisions too */
  offers: Offer[]
  dead: DeadLetter[]
  views: ViewChange[]
  counts: { ok: number; duplicate: number; superseded: number; dead: number; decisions: Record<string, number> }
  /** the next timer of the fold; couriers' events have none and change none */
  due: Due | null
  /** correlation ids of orders decided in this batch, for the log */
  decided: { correlation_id: string; order_id: string; type: string; source_offset: number }[]
}

export interface Due {
  zone_id: string
  tenant_id: string
  wall_ms: number
}

/** `left`: rows that changed and are not written; infinity while not even all rows were looked at. */
export interface SliceAnswer {
  frames: Uint8Array
  left: number
}

export interface CutAnswer {
  frames: Uint8Array
  operations_next: number
  couriers_next: number
}
