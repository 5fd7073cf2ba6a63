import type { DecisionRecord } from '../../ingest/events/decisions.ts'
import type { LogMessage } from '../../ingest/io/log_messages.ts'
import { packMessages } from '../../ingest/io/log_messages.ts'
import { digestZones } from '../checkpoint.ts'
import { allViews, foldBatch, loadPartition } from '../partition.ts'
import { unpackRecords } from '../worker/pack.ts'
import type { DeadLetter } from '../worker/protocol.ts'

/**
 * Folds a partition's log from its first offset in this thread, with no server and no former owner's word: what the running
 * engine has published and shows must equal this.
 */
export interface Replayed {
  /** what would have been decided, by source offset */
  decisions: { source_offset: number; decisions: DecisionRecord['decisions'] }[]
  dead: Pick<DeadLetter, 'offset' | 'reason' | 'detail'>[]
  /** warehouse_id → sku → the text that Redis should hold */
  stock: Map<string, Map<string, string>>
  /** courier_id → the text that Redis should hold */
  fleet: Map<string, string>
  digest: string
}

export function replayPartition(
  at: { partition: number; partitions: number },
  operations: readonly LogMessage[],
  couriers: readonly LogMessage[],
): Replayed {
  const nothing = { next_offset: 0, bytes: null }
  const held = loadPartition({ kind: 'load', ...at, epoch: 1, operations: nothing, couriers: nothing })
  const folded = foldBatch(held, { topic: 'operations', messages: packMessages(operations), adopted: null })
  const moved = foldBatch(held, { topic: 'couriers', messages: packMessages(couriers), adopted: null })
  const stock = new Map<string, Map<string, string>>()
  const fleet = new Map<string, string>()
  for (const { view, fields } of allViews(held)) {
    const target = view.kind === 'fleet' ? fleet : new Map<string, string>()
    for (let place = 0; place < fields.length; place += 2) target.set(fields[place] ?? '', fields[place + 1] ?? '')
    if (view.kind === 'warehouse') stock.set(view.warehouse_id, target)
  }
  const records = unpackRecords(folded.records).map(({ value }) => JSON.parse(value.toString()) as DecisionRecord)
  return {
    decisions: records.map(({ source_offset, decisions }) => ({ source_offset: Number(source_offset), decisions })),
    dead: [...folded.dead, ...moved.dead],
    stock,
    fleet,
    digest: digestZones(held.zones.values()),
  }
}
