import type { OrderView, TripView } from '../../dispatch/contract.ts'
import type { TenantId } from '../../ingest/events/envelope.ts'
import type { Log } from '../../ingest/io/log.ts'
import type { Reader, ReaderOptions } from '../../ingest/io/reader.ts'
import { DEMAND_MS } from './demand.ts'
import { type FlowLog, forgetFlow, noteEvents } from './flow.ts'
import { applyBatch, type Ends, FOLLOWED, type Followed, followedTopic, hasCaughtUp, startOffset } from './follow.ts'
import type { LiveEffects } from './live.ts'
import { takeSettings } from './live.ts'
import type { Metrics } from './metrics.ts'
import { startPicture } from './picture.ts'
import type { Share } from './totals.ts'

/** The beginning: the ends of the log first, then the book, then everything after it. In this order nothing is missed. */
export interface BeginEffects extends Pick<LiveEffects, 'now' | 'clock' | 'warehouses'> {
  ends(topic: string): Promise<Ends['decisions']>
  book(closed_since_ms: number): Promise<{
    orders: OrderView[]
    trips: TripView[]
    decisions_positions: Record<number, number>
    decisions_epochs: Record<number, number>
    decisions_source_offsets: Record<number, number>
    totals: Share
  }>
}

export async function beginPicture(
  effects: BeginEffects,
  { tenant_id, namespace }: { tenant_id: TenantId; namespace: string },
): Promise<Followed> {
  const [decisions, deliveries, couriers] = await Promise.all(
    FOLLOWED.map(name => effects.ends(`${namespace}.${name}`)),
  )
  const now = effects.now()
  const known_since = now - DEMAND_MS
  const book = await effects.book(known_since)
  const picture = startPicture({ tenant_id, now, known_since, ...book })
  takeSettings(picture, effects)
  const ends = { decisions: decisions ?? [], deliveries: deliveries ?? [], couriers: couriers ?? [] }
  return { picture, ends, next: new Map() }
}

export interface FollowOptions {
  namespace: string
  flow: FlowLog
  log: Log
  skipped: Metrics['skipped']
}

/** What a reader of the three topics needs to know. */
export function readingOf(
  followed: Followed,
  { namespace, flow, log, skipped }: FollowOptions,
): Pick<ReaderOptions, 'topics' | 'start' | 'handle' | 'fault'> {
  let caught_up = false
  return {
    topics: FOLLOWED.map(name => `${namespace}.${name}`),
    start: async at => startOffset(followed, followedTopic(namespace, at), at.partition),
    handle: async batch => {
      const topic = followedTopic(namespace, batch)
      const count = applyBatch(followed, topic, batch)
      if (count > 0) skipped(topic, count)
      noteEvents(
        flow,
        Array.from(batch.messages, message => message.appended_at),
        Date.now(),
      )
      if (!caught_up && hasCaughtUp(followed)) {
        caught_up = true
        forgetFlow(flow)
      }
      return undefined
    },
    // Whoever started this process starts it again, and it begins with the book.
    fault: error => {
      log.error({ err: error }, 'the log cannot be read any more: ending')
      process.exit(1)
    },
  }
}

const LOOK_MS = 50

/** Resolves when the picture holds what the log held at the beginning. @throws Error when that takes longer than `within_ms` */
export async function untilCaughtUp(followed: Followed, reader: Reader, within_ms: number): Promise<void> {
  const until = Date.now() + within_ms
  while (!(reader.ready() && hasCaughtUp(followed))) {
    if (Date.now() > until) {
      const why = reader.troubles().join('; ') || 'Kafka is slow, or far too much was waiting'
      throw new Error(`the log was not read to its end within ${within_ms / 1_000} s: ${why}`)
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }
}
