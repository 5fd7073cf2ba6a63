import type { CourierEvent, Topic } from '../../ingest/contract.ts'
import type { DecisionsRecord } from '../../ingest/events/decisions.ts'
import type { LogBatch, TopicPartition } from '../../ingest/io/reader.ts'
import { decodeCourier, decodeDecisions, decodeDelivery } from './decode.ts'
import { applyCourier, applyDecisions, applyDelivery, type Picture } from './picture.ts'

/** From batches of the log to the picture: where to begin, what to apply, when it has caught up. */

export type FollowedTopic = Extract<Topic, 'decisions' | 'deliveries' | 'couriers'>
export const FOLLOWED: readonly FollowedTopic[] = ['decisions', 'deliveries', 'couriers']

/** Read again at the start, a partition: for the feed of what has just been, and for events around the moment of the book. */
const BACK: Record<FollowedTopic, number> = { decisions: 300, deliveries: 300, couriers: 2_000 }

export type Ends = Record<FollowedTopic, { low: number; high: number }[]>

export interface Followed {
  picture: Picture
  /** ends of the topics just before the book and the fleet were read */
  ends: Ends
  /** next offset, by `topic/partition` */
  next: Map<string, number>
}

const keyOf = (topic: FollowedTopic, partition: number): string => `${topic}/${partition}`

/** The offset to begin with; where we are, when the partition was ours before. */
export function startOffset({ picture, ends, next }: Followed, topic: FollowedTopic, partition: number): number {
  const known = next.get(keyOf(topic, partition))
  if (known !== undefined) return known
  const { low, high } = ends[topic][partition] ?? { low: 0, high: 0 }
  const from = topic === 'decisions' ? (picture.decisions.get(partition)?.next_offset ?? 0) : high
  return Math.max(low, from - BACK[topic])
}

/** @returns how many records could not be used */
export function applyBatch(followed: Followed, topic: FollowedTopic, batch: Omit<LogBatch, 'signal' | 'high'>): number {
  const { partition } = batch
  let skipped = 0
  for (const { offset, value } of batch.messages) {
    const applied = apply(followed.picture, topic, value, { partition, offset })
    if (!applied) skipped += 1
    followed.next.set(keyOf(topic, partition), offset + 1)
  }
  return skipped
}

function apply(
  picture: Picture,
  topic: FollowedTopic,
  value: Buffer | null,
  at: { partition: number; offset: number },
) {
  switch (topic) {
    case 'decisions':
      return used(decodeDecisions(value), (record: DecisionsRecord) => applyDecisions(picture, record, at))
    case 'deliveries':
      return used(decodeDelivery(value), event => applyDelivery(picture, event, at))
    case 'couriers':
      return used(decodeCourier(value), (event: CourierEvent) => applyCourier(picture, event))
  }
}

function used<Value>(value: Value | null, use: (value: Value) => void): boolean {
  if (value === null) return false
  use(value)
  return true
}

/** True once everything that was in the log at the start has been applied: before that, a page would see the past. */
export function hasCaughtUp({ ends, next, picture }: Followed): boolean {
  return FOLLOWED.every(topic =>
    ends[topic].every(({ high }, partition) => {
      const at = next.get(keyOf(topic, partition)) ?? startOffset({ ends, next, picture }, topic, partition)
      return at >= high
    }),
  )
}

/** `ops.decisions` → decisions, of this namespace. */
export function followedTopic(namespace: string, { topic }: TopicPartition): FollowedTopic {
  const found = FOLLOWED.find(name => topic === `${namespace}.${name}`)
  if (!found) throw new Error(`${topic} was not asked for`)
  return found
}
