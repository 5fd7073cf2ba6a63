import { partitionOf, type Topic } from '../../ingest/contract.ts'
import { bornAt, REMEMBERED_MS } from '../recent_ids.ts'
import { type Letter, objectOf } from './letters.ts'

/** What exactly is published when a letter is sent again, and where. Pure. */

export interface Redrive {
  letter_id: string
  reason: string
  value: Buffer
  edited: boolean
  event_id: string | null
  /** of the letter, when the bytes had to get a new id */
  former_event_id: string | null
  topic: Topic
  partition: number
  key: string
}

export interface Surroundings {
  partitions: number
  /** wall ms */
  now: number
  /** a UUIDv7 of now */
  newId: () => string
}

/** Ids are remembered for an hour: one that would not reach the fold well within it gets a new one. */
const ID_AGE_MS_MAX = REMEMBERED_MS - 600_000
const ID_AHEAD_MS_MAX = 60_000
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * The original bytes, or `edited`, to the topic they came from and the partition of their key. An id that the fold would
 * refuse for its age is replaced, and stands in `causation_id` from then on.
 */
export function planRedrive(letter: Letter, edited: Buffer | null, around: Surroundings): Redrive {
  const event = edited ? objectOf(edited) : letter.event
  const key = event ? keyOf(letter.topic, event) : undefined
  const id = typeof event?.event_id === 'string' ? event.event_id : null
  const worn_out = event !== null && id !== null && isWornOut(id, around.now)
  const event_id = worn_out ? around.newId() : id
  const value = worn_out
    ? Buffer.from(JSON.stringify({ ...event, event_id, causation_id: id }))
    : (edited ?? letter.value)
  return {
    letter_id: letter.id,
    reason: letter.reason,
    value,
    edited: edited !== null,
    event_id,
    former_event_id: worn_out ? id : null,
    topic: letter.topic,
    partition: key === undefined ? letter.partition : partitionOf(key, around.partitions),
    key: key ?? 'redrive',
  }
}

/** Another id is no reason to touch bytes that are wrong anyway: those keep what they have. */
export function isWornOut(event_id: string, now: number): boolean {
  if (!UUID_V7.test(event_id)) return false
  const born = bornAt(event_id)
  return born < now - ID_AGE_MS_MAX || born > now + ID_AHEAD_MS_MAX
}

function keyOf(topic: Topic, event: Record<string, unknown>): string | undefined {
  const data = event.data
  const holder = topic === 'couriers' ? data : event
  const name = topic === 'couriers' ? 'courier_id' : 'zone_id'
  if (holder === null || typeof holder !== 'object') return undefined
  const key = (holder as Record<string, unknown>)[name]
  return typeof key === 'string' && key !== '' ? key : undefined
}

/**
 * Whether `--all` passes it over: nobody can tell whether an event that came too late was not applied before, so only
 * somebody who has looked may send it again.
 */
export const needsALook = (letter: Letter): boolean => letter.reason === 'too_late_to_tell'
