import { partitionOf } from '../../ingest/contract.ts'
import type { DeadLetterHeaders } from '../../ingest/events/dead_letters.ts'
import type { LogBatch } from '../../ingest/io/reader.ts'
import type { Owner } from '../owner.ts'
import { giveBack, unpackRecords } from '../worker/pack.ts'
import type { DeadLetter, Folded } from '../worker/protocol.ts'
import type { OwnerEffects, OwnerSettings } from './effects.ts'

const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 2_000

/** Decisions and dead letters of a batch; resolves once Kafka has acknowledged them. */
export async function publishFolded(
  owner: Owner,
  batch: LogBatch,
  folded: Folded,
  settings: OwnerSettings,
  effects: OwnerEffects,
): Promise<void> {
  const { partition } = owner
  const decisions = unpackRecords(folded.records).map(
    ({ zone_id, value }): Send =>
      () =>
        effects.send('decisions', { partition, key: zone_id, value }),
  )
  const dead = folded.dead.map(
    (letter): Send =>
      () =>
        sendDead(batch, letter, settings, effects),
  )
  await sendAll(owner, [...decisions, ...dead], effects, (place, offset) => {
    if (place < decisions.length) owner.decisions_next = Math.max(owner.decisions_next, offset + 1)
  })
  giveBack(folded.records)
}

/** The movements of a batch, after its decisions: no movement may count whose decision does not (see loader/rule.ts). */
export async function publishMoved(owner: Owner, { moved }: Folded, effects: OwnerEffects): Promise<void> {
  const { partition } = owner
  const sends = unpackRecords(moved).map(
    ({ zone_id, value }): Send =>
      () =>
        effects.send('movements', { partition, key: zone_id, value }),
  )
  await sendAll(owner, sends, effects)
  giveBack(moved)
}

/** One record. Not async functions: at tens of thousands a second each promise more is seen. */
type Send = () => Promise<{ offset: number }>

/** Repeats until Kafka has acknowledged all of it, in order: what is folded is never folded again. */
async function sendAll(
  owner: Owner,
  sends: readonly Send[],
  effects: OwnerEffects,
  acknowledged: (place: number, offset: number) => void = () => undefined,
): Promise<void> {
  for (let attempt = 1, first = 0; ; attempt += 1) {
    const results = await Promise.allSettled(sends.slice(first).map(send => send()))
    results.forEach((result, place) => {
      if (result.status === 'fulfilled') acknowledged(first + place, result.value.offset)
    })
    const failed = results.findIndex(({ status }) => status === 'rejected')
    if (failed < 0) return
    first += failed
    if (owner.ended.signal.aborted)
      throw new Error(`partition ${owner.partition} was lost while Kafka did not acknowledge`)
    effects.metrics.publishRetried()
    const wait_ms = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(attempt, 8))
    await effects.wait(wait_ms, owner.ended.signal)
  }
}

async function sendDead(
  batch: LogBatch,
  { offset, reason, detail, value }: DeadLetter,
  { partitions }: OwnerSettings,
  effects: OwnerEffects,
): Promise<{ offset: number }> {
  const origin = `${batch.topic}/${batch.partition}/${offset}`
  const headers: DeadLetterHeaders = {
    origin_topic: batch.topic,
    origin_partition: String(batch.partition),
    origin_offset: String(offset),
    reason,
    detail: detail.slice(0, 500),
  }
  effects.log.warn({ origin, reason, detail: headers.detail }, 'dead letter')
  const partition = partitionOf(origin, partitions)
  return effects.send('dead-letters', { partition, key: origin, value: Buffer.from(value), headers: { ...headers } })
}
