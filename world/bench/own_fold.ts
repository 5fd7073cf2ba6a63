import { createHash } from 'node:crypto'
import { allViews, foldBatch, loadPartition } from '../../engine/partition.ts'
import { topicName } from '../../ingest/contract.ts'
import { packMessages } from '../../ingest/io/log_messages.ts'
import { openRanges } from '../../ingest/io/ranges.ts'
import { benchKafka, endsOf, type Ground } from './stage.ts'
import { PARTITIONS } from './traffic.ts'

/** A fold of the log in this process, without checkpoint, owner or decisions of anybody: what Redis must equal. */
export interface OwnFold {
  /** Folds what has come into `operations` since the last time. */
  catchUp(): Promise<void>
  /** warehouse_id → its fields as Redis should hold them */
  stock(): Map<string, Map<string, string>>
}

export function openOwnFold(ground: Ground): OwnFold {
  const nothing = { next_offset: 0, bytes: null }
  const held = Array.from({ length: PARTITIONS }, (_, partition) =>
    loadPartition({
      kind: 'load',
      partition,
      partitions: PARTITIONS,
      epoch: 1,
      operations: nothing,
      couriers: nothing,
    }),
  )
  return {
    async catchUp() {
      const topic = topicName(ground.namespace, 'operations')
      const ends = await endsOf(ground, 'operations')
      const ranges = held.map(({ partition, operations }) => ({
        topic,
        partition,
        from: operations.next_offset,
        to: ends[partition] ?? 0,
      }))
      await using log = await openRanges(benchKafka(ground), ground.namespace, ranges)
      for (const one of held) {
        for await (const messages of log.read(topic, one.partition)) {
          foldBatch(one, { topic: 'operations', messages: packMessages(messages), adopted: null })
        }
      }
    },
    stock() {
      const stock = new Map<string, Map<string, string>>()
      for (const { view, fields } of held.flatMap(allViews)) {
        if (view.kind !== 'warehouse') continue
        const levels = new Map<string, string>()
        for (let at = 0; at < fields.length; at += 2) levels.set(fields[at] ?? '', fields[at + 1] ?? '')
        stock.set(view.warehouse_id, levels)
      }
      return stock
    },
  }
}

/** The same for the same levels, in whatever order they come. */
export function digestOf(levels: Iterable<[string, string]>): string {
  const hash = createHash('sha256')
  for (const [sku, text] of [...levels].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${sku} ${text}\n`)
  return hash.digest('hex')
}
